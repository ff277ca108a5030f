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
    rowRanges = c(
        experiment = "rowRanges(x)",
        seurat = "",
        anndata = "uns[\"r_object\"][\"rowRanges\"]"
    ),
    reducedDims = c(
        experiment = "reducedDims(x)",
        seurat = "reductions",
        anndata = "obsm, arrays of spots x dimensions"
    ),
    loadings = c(
        experiment = "featureLoadings of a LinearEmbeddingMatrix",
        seurat = "loadings of reductions",
        anndata = "varm, or uns[\"r_object\"] for a part of the features"
    ),
    colPairs = c(
        experiment = "colPairs(x)",
        seurat = "graphs, distances of neighbours",
        anndata = "obsp"
    ),
    rowPairs = c(
        experiment = "rowPairs(x)",
        seurat = "",
        anndata = "varp"
    ),
    altExps = c(
        experiment = "altExps(x) with one assay of their own name alone",
        seurat = "assays that a verb has added, layers of some features",
        anndata = "obsm, data frames of spots x features"
    ),
    experiments = c(
        experiment = "other altExps(x)",
        seurat = "other assays",
        anndata = "uns[\"altExps\"], an AnnData each"
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
    metadata = c(
        experiment = "other metadata(x), nested; metadata(x)$varm is varm",
        seurat = "other Misc(x)",
        anndata = "other entries of uns"
    ),
    record = c(
        experiment = "classes of matrices, names of axes, order of parts",
        seurat = "classes of assays and images, boundaries, molecules",
        anndata = "uns[\"r_object\"]"
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

# And what else a library of images holds, such as its source.
sectionParts <- c(sectionFacts, "further")

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

# Written by dev/roundtrips.R; a test fails where it is not what comes back.
roundTripsRd <- function(path = "inst/extdata/roundtrips.csv") {
    table <- read.csv(path)
    cells <- apply(table, 1, function(row) {
        row <- gsub("([%\\\\{}])", "\\\\\\1", trimws(row))
        paste(paste(row, collapse = " \\tab "), "\\cr")
    })
    c(
        "@section What comes back:",
        "Generated objects, compared by \\code{identical()} part by part:",
        "\\tabular{lllll}{",
        paste(paste(names(table), collapse = " \\tab "), "\\cr"), cells, "}"
    )
}

# What a verb may read; full coercions carry the rest as well.
verbParts <- c(
    "counts", "colData", "rowData", "reducedDims", "altExps", "spatialCoords",
    "imgData", "settings"
)

# Entries of uns with a meaning of their own.
reserved <- c("X_name", "spatial", "histobridge", "r_object", "altExps")
