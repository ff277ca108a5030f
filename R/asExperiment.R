#' Make an experiment of an AnnData
#'
#' Reads every part of \code{adata} in the table of \code{\link{asAnnData}},
#' from right to left, and returns a new object; \code{adata} is not changed.
#' What came from R by \code{asAnnData()} comes back the same: classes of
#' matrices, names of axes and paths of images as they were. Matrices of other
#' AnnData become \code{dgCMatrix} or dense ones. Matrices that are backed by an
#' HDF5 file stay on it: dense ones become an \code{HDF5Matrix}, CSR and CSC an
#' \code{H5SparseMatrix}, or the class they had in R, and nothing is read; this
#' needs the package HDF5Array.
#'
#' @param adata a Python \code{AnnData}.
#' @param class class of the result.
#' @param assay.type name of the assay that \code{X} becomes, unless
#'     \code{uns["X_name"]} says it; \code{"X"} where a layer has that name.
#' @param strict whether to stop, naming it, at what \code{class} has no place
#'     for; \code{FALSE} leaves it out and names it in
#'     \code{metadata(x)$HistoBridge$left_out}.
#' @return An object of class \code{class}.
#' @examplesIf pythonReady()
#' adata <- asAnnData(exampleMixture())
#' asExperiment(adata)
#' @export
asExperiment <- function(
        adata, class = c("SpatialExperiment", "SingleCellExperiment"),
        strict = TRUE, assay.type = "X") {
    if (!inherits(adata, "anndata._core.anndata.AnnData")) {
        fail(
            "a Python AnnData", paste("class", base::class(adata)[1]),
            fix = "asExperiment(asAnnData(x))"
        )
    }
    class <- match.arg(class)
    left <- misfitsOf(adata, class)
    if (strict && length(left)) {
        fail(
            paste("only what a", class, "has a place for"), toString(left),
            fix = "another class =, or strict = FALSE"
        )
    }
    x <- experimentFrom(adata, class, assay.type)
    if (length(left)) place(x, "settings", "left_out", left) else x
}

misfitsOf <- function(adata, class) {
    left <- as.character(unlist(py_to_r(bridge()$unplaced(adata))))
    spatial <- c("obsm", "uns")[c(
        has(adata, "obsm", "spatial"), has(adata, "uns", "spatial")
    )]
    if (class != "SpatialExperiment" && length(spatial)) {
        left <- c(left, sprintf("%s[\"spatial\"]", spatial))
    }
    if (class == "SpatialExperiment") {
        stray <- as.character(unlist(py_to_r(bridge()$stray(adata))))
        left <- c(
            left, sprintf("uns[\"spatial\"][\"%s\"] (of no sample_id)", stray)
        )
    }
    left
}

has <- function(adata, part, key) py_to_r(bridge()$has(adata, part, key))

entries <- function(adata, part) {
    keys <- as.character(unlist(py_to_r(bridge()$part_keys(adata, part))))
    values <- lapply(keys, function(key) bridge()$get(adata, part, key))
    stats::setNames(values, keys)
}

experimentFrom <- function(adata, class, assay.type = "X") {
    uns <- entries(adata, "uns")
    record <- if (length(uns$r_object)) fromValue(uns$r_object)
    obs <- columnsFrom(adata$obs, record, "obs")
    var <- columnsFrom(adata$var, record, "var")
    names <- list(rownames(var), rownames(obs))
    sections <- if (length(uns$spatial)) names(pyItems(uns$spatial))
    if (length(sections) == 1 && is.null(obs$sample_id) &&
        class == "SpatialExperiment") {
        obs$sample_id <- rep(sections, nrow(obs))
    }
    x <- baseExperiment(
        assaysFrom(adata, uns, record, names, assay.type), obs, var, record,
        class
    )
    if (is(x, "SpatialExperiment")) {
        x <- addSpatial(x, adata, uns$spatial, record)
    }
    if (is(x, "SingleCellExperiment")) {
        x <- addDims(x, adata, record)
        x <- addAltExps(x, adata, record)
        x <- addPairs(x, adata, record)
        SingleCellExperiment::mainExpName(x) <- record$mainExpName
    }
    addMetadata(x, adata, uns, record)
}

columnsFrom <- function(frame, record, side) {
    columns <- framed(bridge()$fitting(frame))
    rows <- attr(columns, "row.names")
    bare <- isTRUE(record$unnamed[[side]]) && !length(rows)
    made <- asDataFrame(columns, if (!bare) rows, length(rows))
    for (name in names(record$zoneless[[side]])) {
        absent <- record$zoneless[[side]][[name]]
        attr(made[[name]], "tzone") <- if (!absent) ""
    }
    for (name in unlist(record$whole[[side]])) {
        made[[name]] <- asMode(made[[name]], "integer")
    }
    labels <- record$labels[[side]]
    for (name in names(labels)) {
        own <- labels[[name]]
        then <- record$names[[side]]
        names(made[[name]]) <- if (isTRUE(own)) rows else
            unlist(own)[match(rows, then)]
    }
    for (name in unlist(record$rle[[side]])) {
        made[[name]] <- S4Vectors::Rle(made[[name]])
    }
    made
}

assaysFrom <- function(adata, uns, record, names, assay.type) {
    found <- entries(adata, "layers")
    if (py_to_r(bridge()$has_x(adata))) {
        name <- if (length(uns$X_name)) py_to_r(uns$X_name) else assay.type
        found <- c(stats::setNames(list(adata$X), freeName(name, found)), found)
    }
    found <- inOrder(found, names(record$assays))
    Map(function(value, key) {
        withNames(asClass(fromSpots(value), record$assays[[key]]), names)
    }, found, names(found))
}

# Python users put the counts aside as a layer and go on with X.
freeName <- function(name, layers) {
    if (name %in% names(layers)) {
        if ("X" %in% names(layers)) {
            fail(
                "a name of X that no layer has",
                paste("layers", quoted(unique(c(name, "X")))),
                fix = "set uns[\"X_name\"]"
            )
        }
        name <- "X"
    }
    name
}

# A matrix on disk has no class of its own any more once it has been renamed.
withNames <- function(m, names) {
    own <- dimnames(m)
    fits <- is.null(own) || all(mapply(function(found, expected) {
        is.null(found) || identical(found, expected)
    }, own, names))
    if (!is(m, "DelayedMatrix") || !fits) {
        dimnames(m) <- names
    }
    m
}

# As recorded, what is new after it.
inOrder <- function(values, keys) {
    keys <- unlist(keys)
    values[c(intersect(keys, names(values)), setdiff(names(values), keys))]
}

baseExperiment <- function(assays, obs, var, record, class) {
    nested <- identical(class, "recorded")
    # An assay of Seurat is nested as well.
    known <- grepl("Experiment$", c(record$class, "")[1])
    class <- if (!nested) class else if (known) record$class else
        "SingleCellExperiment"
    ranges <- rangesOf(record$rowRanges, rownames(var))
    if (length(ranges)) {
        x <- SummarizedExperiment(assays, rowRanges = ranges, colData = obs)
        SummarizedExperiment::rowData(x) <- var
    } else {
        x <- SummarizedExperiment(assays, rowData = var, colData = obs)
    }
    rownames(x) <- rownames(var)
    if (class == "SpatialExperiment") {
        return(as(as(x, "SingleCellExperiment"), class))
    }
    as(x, class)
}

# Of the features that are there now.
rangesOf <- function(ranges, features) {
    rows <- match(features, names(ranges))
    if (!anyNA(rows)) ranges[rows]
}

addSpatial <- function(x, adata, libraries, record) {
    if (has(adata, "obsm", "spatial")) {
        coords <- fromArray(
            bridge()$transposed(bridge()$get(adata, "obsm", "spatial")), "C"
        )
        names <- as.character(unlist(record$spatialCoords$names))
        if (length(names) != ncol(coords)) {
            names <- c("x", "y", "z")[seq_len(ncol(coords))]
        }
        coords <- inOwnOrder(coords, names)
        storage.mode(coords) <- "double"
        coords <- asMode(coords, record$spatialCoords$mode)
        bare <- isFALSE(record$spatialCoords$named)
        rownames(coords) <- if (!bare) colnames(x)
        spatialCoords(x) <- coords
    }
    images <- imagesFrom(libraries, record$imgData)
    if (is.null(images) && isTRUE(record$imgData$empty)) {
        images <- noImages()
    }
    if (!is.null(images)) {
        # As a subset in R has no images of sections that are gone.
        imgData(x) <- images[images$sample_id %in% x$sample_id, ]
    }
    x
}

noImages <- function() {
    DataFrame(
        sample_id = character(), image_id = character(), data = I(list()),
        scaleFactor = numeric()
    )
}

imagesFrom <- function(libraries, record) {
    if (is.null(libraries)) {
        return(NULL)
    }
    rows <- Map(libraryRows, pyItems(libraries), names(pyItems(libraries)))
    rows <- do.call(rbind, Filter(Negate(is.null), unname(rows)))
    if (is.null(rows)) {
        return(NULL)
    }
    keys <- imageKeys(rows)
    order <- match(inOrder(stats::setNames(keys, keys), record$key), keys)
    rows <- rows[order, , drop = FALSE]
    lower <- unlist(record$key)[as.logical(unlist(record$lower))]
    images <- Map(fromImage, rows$image, keys[order] %in% lower)
    DataFrame(
        sample_id = rows$sample_id, image_id = rows$image_id,
        data = I(unname(images)), scaleFactor = rows$scale
    )
}

libraryRows <- function(library, sample) {
    parts <- pyItems(library)
    images <- if (length(parts$images)) pyItems(parts$images)
    if (!length(images)) {
        return(NULL)
    }
    factors <- py_to_r(parts$scalefactors)
    scale <- lapply(sprintf("tissue_%s_scalef", names(images)), function(key) {
        if (is.null(factors[[key]])) NA_real_ else as.double(factors[[key]])
    })
    rows <- data.frame(
        sample_id = sample, image_id = names(images), scale = unlist(scale)
    )
    rows$image <- unname(images)
    rows
}
