# Each row: what R calls a part and where Python keeps it. Both directions go
# through these parts, and the manual prints the table.
mapping <- list(
    counts = c(
        experiment = "assay(x, assay.type)",
        seurat = "layer assay.type of the default assay",
        anndata = "X, its name in uns[\"X_name\"]"
    ),
    layers = c(
        experiment = "other assays(x)",
        seurat = "other layers of the default assay",
        anndata = "layers"
    ),
    colData = c(
        experiment = "colData(x)",
        seurat = "meta.data",
        anndata = "obs"
    ),
    rowData = c(
        experiment = "rowData(x)",
        seurat = "feature metadata of the default assay",
        anndata = "var"
    ),
    reducedDims = c(
        experiment = "reducedDims(x)",
        seurat = "reductions",
        anndata = "obsm, arrays of spots x dimensions"
    ),
    altExps = c(
        experiment = "altExps(x) with an assay of their own name",
        seurat = "assays that a verb has added",
        anndata = "obsm, data frames of spots x features"
    ),
    spatialCoords = c(
        experiment = "spatialCoords(x)",
        seurat = "centroids of the images",
        anndata = "obsm[\"spatial\"], (x, y) in full-resolution pixels"
    ),
    imgData = c(
        experiment = "imgData(x), micronsPerPixel(x)",
        seurat = "images, micronsPerPixel(x)",
        anndata = paste0(
            "uns[\"spatial\"][sample_id]: images, scalefactors ",
            "(stored images as paths)"
        )
    ),
    settings = c(
        experiment = "metadata(x)$HistoBridge",
        seurat = "Misc(x, \"HistoBridge\")",
        anndata = "uns[\"histobridge\"]"
    )
)

# Where graft() puts what a verb has written into an AnnData.
results <- c(
    obs = "colData",
    array = "reducedDims",
    frame = "altExps",
    layers = "layers",
    uns = "settings"
)

# Facts about a section for which imgData has no column.
sectionFacts <- c("microns_per_pixel", "spot_diameter_fullres")

mappingRd <- function() {
    rows <- vapply(names(mapping), function(part) {
        cells <- gsub("([%\\\\])", "\\\\\\1", mapping[[part]])
        paste0(
            "\\code{", part, "} \\tab ",
            paste0("\\code{", cells, "}", collapse = " \\tab "), " \\cr"
        )
    }, "")
    c(
        "@section What goes where:", "\\tabular{llll}{",
        "part \\tab experiment \\tab Seurat \\tab AnnData \\cr",
        rows, "}"
    )
}

# Other assays than the counts are never read by a verb.
verbParts <- setdiff(names(mapping), "layers")
