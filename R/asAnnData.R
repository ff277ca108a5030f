#' Hand an object to Python
#'
#' Reads the parts of \code{x} in the table below and returns an AnnData that
#' holds them; \code{x} is not changed. Numbers are shared, not copied, and
#' Python can only read them: a \code{dgCMatrix} of genes x spots has the very
#' buffers of a CSR matrix of spots x genes, so nothing is transposed.
#' Missing values of every type stay missing. Coordinates are (x, y), whatever
#' the order of their columns. Stored images travel as paths.
#'
#' Verbs such as \code{\link{findDomains}} call it for you and write results
#' back onto \code{x} by the same table, from right to left.
#'
#' @param x a SummarizedExperiment, SingleCellExperiment, SpatialExperiment or
#'     Seurat object (assays of version 3 to 5) with unique names.
#' @param assay.type assay, or layer of the default Seurat assay, that becomes
#'     \code{X}.
#' @param parts names of the parts to carry, all by default.
#' @param strict whether to stop, naming it, at what AnnData or the table has
#'     no place for; \code{FALSE} leaves it out.
#' @param ... passed to methods.
#' @eval mappingRd()
#' @return A Python \code{AnnData}, not converted.
#' @examplesIf pythonReady()
#' asAnnData(exampleMixture())
#' @name asAnnData
NULL

#' @rdname asAnnData
#' @export
setMethod("asAnnData", "ANY", function(
        x, assay.type = "counts", parts = names(mapping), strict = TRUE) {
    names <- checkedNames(x)
    parts <- match.arg(parts, names(mapping), several.ok = TRUE)
    if (strict) {
        refuseOthers(x)
    }
    get <- function(part, ...) if (part %in% parts) partOf(x, part, ...)
    counts <- get("counts", assay.type)
    adata <- bridge()$build(
        if (!is.null(counts)) toMatrix(counts),
        toFrame(carried(get("colData"), strict), names$spots),
        toFrame(carried(get("rowData"), strict), names$features)
    )
    if (!is.null(counts)) {
        bridge()$put(adata, "uns", "X_name", assay.type)
    }
    putAll(adata, "layers", lapply(get("layers", assay.type), toMatrix))
    putObsm(adata, get, names$spots)
    putUns(adata, get)
    adata
})

checkedNames <- function(x) {
    names <- partOf(x, "names")
    for (what in names(names)) {
        found <- names[[what]]
        side <- c(spots = "column", features = "row")[[what]]
        expected <- sprintf("unique %s names (%s)", side, what)
        if (is.null(found)) {
            fail(expected, "none")
        }
        twice <- unique(found[duplicated(found)])
        if (length(twice)) {
            fail(expected, paste("repeated", quoted(twice)))
        }
    }
    names
}

refuseOthers <- function(x) {
    others <- partOf(x, "others")
    if (length(others)) {
        fail(
            "only parts that the mapping table carries", toString(others),
            fix = "strict = FALSE leaves them out"
        )
    }
}

# Columns that pandas can hold; without `strict` the others are left out.
carried <- function(columns, strict) {
    columns <- as.list(columns)
    if (strict) {
        return(columns)
    }
    Filter(function(v) !is.na(columnKind(plainVector(v))), columns)
}

putAll <- function(adata, part, values) {
    for (key in names(values)) {
        bridge()$put(adata, part, key, values[[key]])
    }
}

putObsm <- function(adata, get, spots) {
    dims <- lapply(get("reducedDims"), toRows)
    frames <- lapply(get("altExps"), function(m) {
        toFrame(asColumns(m), spots)
    })
    coords <- get("spatialCoords")
    if (!is.null(coords)) {
        coords <- list(spatial = toRows(asXY(coords)))
    }
    entries <- c(dims, frames, coords)
    twice <- unique(names(entries)[duplicated(names(entries))])
    if (length(twice)) {
        fail(
            paste(
                "different names for reducedDims, altExps and the",
                "coordinates (\"spatial\")"
            ),
            paste("repeated", quoted(twice))
        )
    }
    putAll(adata, "obsm", entries)
}

asColumns <- function(m) {
    columns <- asplit(unname(as.matrix(m)), 1)
    names(columns) <- rownames(m)
    lapply(columns, as.vector)
}

putUns <- function(adata, get) {
    settings <- get("settings")
    facts <- settings[intersect(sectionFacts, names(settings))]
    entries <- settings[setdiff(names(settings), sectionFacts)]
    images <- get("imgData")
    found <- list(
        spatial = if (length(images) || length(facts)) {
            toLibraries(images, facts)
        },
        histobridge = if (length(entries)) toSettings(entries)
    )
    putAll(adata, "uns", Filter(Negate(is.null), found))
}

# One-element vectors become scalars, but column names always stay a list.
toSettings <- function(value, name = "") {
    if (is.list(value) && (length(names(value)) || !length(value))) {
        return(pyDict(Map(toSettings, value, names(value))))
    }
    r_to_py(if (name == "columns") as.list(value) else value)
}
