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
#' @section Assays on disk:
#' An HDF5-backed assay becomes a backed matrix of the AnnData on the same file
#' and group, and comes back as it was; nothing is read. This holds for dense
#' \code{HDF5Matrix} (also when flagged as sparse), \code{TENxMatrix},
#' \code{H5SparseMatrix} and \code{H5ADMatrix}, by column or by row, as long as
#' they show the file as it is. A matrix with delayed operations (subsets,
#' transposes, arithmetic) is read by blocks into a sparse matrix; its delayed
#' operations do not come back. \code{DelayedArray}s around a matrix in memory
#' share it. Verbs read counts on disk by blocks and keep only what is not zero.
#' The file must not be moved or rewritten while Python holds it. Among integers
#' on disk, a missing value is what R writes for it, the smallest integer, which
#' verbs refuse among counts.
#'
#' @param x a SummarizedExperiment, SingleCellExperiment, SpatialExperiment or
#'     Seurat object (assays of version 3 to 5) with unique names.
#' @param assay.type assay, or layer of the default Seurat assay, that becomes
#'     \code{X}.
#' @param parts names of the parts to carry, all by default.
#' @param strict whether to stop, naming it, at what AnnData or the table has
#'     no place for; \code{FALSE} leaves it out and \code{leftOut()} names it.
#' @param adata an AnnData.
#' @param ... passed to methods.
#' @eval mappingRd()
#' @eval roundTripsRd()
#' @return A Python \code{AnnData}, not converted; \code{leftOut()} a character
#'     vector, empty when everything was carried.
#' @seealso \code{\link{asExperiment}} and \code{\link{asSeurat}} for the way
#'     back.
#' @examplesIf pythonReady()
#' adata <- asAnnData(exampleMixture())
#' adata
#' leftOut(adata)
#' @name asAnnData
NULL

#' @rdname asAnnData
#' @export
setMethod("asAnnData", "ANY", function(
        x, assay.type = "counts", parts = names(mapping), strict = TRUE) {
    names <- checkedNames(x)
    parts <- match.arg(parts, names(mapping), several.ok = TRUE)
    others <- othersOf(x, parts, strict)
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
    putAll(adata, "varm", lapply(get("loadings"), toLoadings, names$features))
    putAll(adata, "obsp", lapply(get("colPairs"), toPairs))
    putAll(adata, "varp", lapply(get("rowPairs"), toPairs))
    putExperiments(adata, get("experiments"), strict)
    putAll(adata, "uns", lapply(get("metadata"), toValue))
    putRecord(adata, get("record", assay.type), others)
    adata
})

#' @rdname asAnnData
#' @export
leftOut <- function(adata) {
    if (!py_to_r(bridge()$has(adata, "uns", "r_object"))) {
        return(character())
    }
    record <- bridge()$get(adata, "uns", "r_object")
    as.character(unlist(fromValue(record)$left_out))
}

putRecord <- function(adata, record, others) {
    record$left_out <- if (length(others)) as.list(others)
    if (length(record)) {
        bridge()$put(adata, "uns", "r_object", toValue(record))
    }
}

putExperiments <- function(adata, experiments, strict) {
    if (length(experiments)) {
        made <- lapply(experiments, asNested, strict)
        bridge()$put(adata, "uns", "altExps", pyDict(made))
    }
}

# Its counts are its X, or the first of its assays.
asNested <- function(x, strict, assay.type = "") {
    found <- as.character(partOf(x, "available"))
    first <- intersect(c(assay.type, "counts", found), found)[1]
    parts <- setdiff(names(mapping), if (is.na(first)) "counts")
    asAnnData(x, first, parts, strict)
}

checkedNames <- function(x) {
    names <- partOf(x, "names")
    for (what in names(names)) {
        found <- names[[what]]
        side <- c(spots = "column", features = "row")[[what]]
        expected <- sprintf("unique %s names (%s)", side, what)
        if (is.null(found) && dim(x)[[if (what == "spots") 2 else 1]] == 0) {
            names[[what]] <- character()
        } else if (is.null(found)) {
            fail(expected, "none")
        }
        twice <- unique(found[duplicated(found)])
        if (length(twice)) {
            fail(expected, paste("repeated", quoted(twice)))
        }
    }
    names
}

# Only a full coercion looks for what it cannot carry.
othersOf <- function(x, parts, strict) {
    if (!strict && !"record" %in% parts) {
        return(NULL)
    }
    others <- partOf(x, "others")
    if (!strict) {
        others <- c(others, oddColumns(x))
    }
    if (strict && length(others)) {
        fail(
            "only parts that the mapping table carries", toString(others),
            fix = "strict = FALSE leaves them out"
        )
    }
    others
}

oddColumns <- function(x) {
    unlist(lapply(c("colData", "rowData"), function(part) {
        columns <- as.list(partOf(x, part))
        odd <- setdiff(names(columns), names(carried(columns, FALSE)))
        sprintf("column %s of %s", odd, part)
    }))
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
        bridge()$matrix_frame(toDense(m), texts(rownames(m)), texts(spots))
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

putUns <- function(adata, get) {
    settings <- get("settings")
    facts <- settings[intersect(sectionFacts, names(settings))]
    entries <- settings[setdiff(names(settings), sectionParts)]
    further <- settings$further
    images <- get("imgData")
    found <- list(
        spatial = if (length(images) || length(facts) || length(further)) {
            toLibraries(images, facts, further)
        },
        histobridge = if (length(entries)) toSettings(entries)
    )
    putAll(adata, "uns", Filter(Negate(is.null), found))
}

# Features x axes, as a data frame where the axes have names.
toLoadings <- function(m, features) {
    if (is.null(colnames(m))) {
        return(toRows(m))
    }
    bridge()$matrix_frame(numbers(m), texts(colnames(m)), texts(features))
}

# One-element vectors become scalars, but column names always stay a list.
toSettings <- function(value, name = "") {
    if (is.list(value) && (length(names(value)) || !length(value))) {
        return(pyDict(Map(toSettings, value, names(value))))
    }
    r_to_py(if (name == "columns") as.list(value) else value)
}
