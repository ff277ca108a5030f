# What only R knows of an object, such as classes and names of axes: kept in
# uns["r_object"], so that the way back gives the same object.

recordOf <- function(x, assay.type) {
    record <- dropNull(list(
        class = class(x)[1],
        assays = as.list(vapply(
            as.list(assays(x, withDimnames = FALSE)), matrixClass, ""
        )),
        unnamed = list(
            obs = is.null(colnames(x)), var = is.null(rownames(x))
        ),
        rle = list(obs = rleNames(colData(x)), var = rleNames(rowData(x))),
        zoneless = list(
            obs = zonelessNames(colData(x)), var = zonelessNames(rowData(x))
        ),
        whole = list(
            obs = wholeNames(colData(x)), var = wholeNames(rowData(x))
        ),
        labels = list(
            obs = columnLabels(colData(x), colnames(x)),
            var = columnLabels(rowData(x), rownames(x))
        ),
        rowRanges = realRanges(x),
        metadata = as.list(names(metadata(x))),
        imgData = imageRecord(x)
    )) |> c(singleCellRecord(x), spatialRecord(x))
    c(record, list(names = namesNeeded(record, x)))
}

# Edges and names of values are noted by position: here is whose.
namesNeeded <- function(record, x) {
    own <- lapply(record$labels, function(v) !all(vapply(v, isTRUE, TRUE)))
    list(
        obs = if (length(record$colPairs) || own$obs) colnames(x),
        var = if (length(record$rowPairs) || own$var) rownames(x)
    )
}

rleNames <- function(columns) {
    as.list(names(columns)[vapply(as.list(columns), is, TRUE, "Rle")])
}

# Times without a zone of their own, and whether even the attribute is absent.
zonelessNames <- function(columns) {
    zones <- lapply(as.list(columns), attr, "tzone")
    bare <- vapply(as.list(columns), inherits, TRUE, "POSIXct") &
        !vapply(zones, function(zone) any(nzchar(zone)), TRUE)
    lapply(zones[bare], is.null)
}

# Dates and times that R keeps as integers.
wholeNames <- function(columns) {
    moments <- vapply(as.list(columns), inherits, TRUE, c("Date", "POSIXct"))
    whole <- vapply(as.list(columns), typeof, "") == "integer"
    as.list(names(columns)[moments & whole])
}

# Names of the values of a column; TRUE where they are those of the rows.
columnLabels <- function(columns, rows) {
    plain <- Filter(function(v) !is(v, "Rle"), as.list(columns))
    labels <- dropNull(lapply(plain, names))
    lapply(labels, function(v) if (identical(v, rows)) TRUE else v)
}

singleCellRecord <- function(x) {
    if (!is(x, "SingleCellExperiment")) {
        return(NULL)
    }
    own <- lapply(ownAltExps(x), matrixClass)
    dropNull(list(
        mainExpName = SingleCellExperiment::mainExpName(x),
        reducedDims = lapply(
            innerParts(x, "reducedDims", withDimnames = FALSE), dimRecord,
            rownames(x)
        ),
        altExps = as.list(names(innerParts(x, "altExps"))), ownAltExps = own,
        colPairs = lapply(simplePairs(pairsOf(x, "col")), pairRecord),
        rowPairs = lapply(simplePairs(pairsOf(x, "row")), pairRecord)
    ))
}

spatialRecord <- function(x) {
    if (!is(x, "SpatialExperiment")) {
        return(NULL)
    }
    coords <- spatialCoords(x)
    list(spatialCoords = list(
        names = as.list(colnames(coords)), mode = typeof(coords),
        named = !is.null(rownames(coords))
    ))
}

# Loadings of all features are varm; those of some stay here.
dimRecord <- function(m, features) {
    if (is(m, "LinearEmbeddingMatrix")) {
        # The getter would hide names of axes that factorData does not have.
        loadings <- m@featureLoadings
        return(dropNull(list(
            class = "LinearEmbeddingMatrix", named = !is.null(rownames(m)),
            columns = as.list(colnames(
                SingleCellExperiment::sampleFactors(m, withDimnames = FALSE)
            )),
            loadings = if (!isWhole(loadings, features)) loadings,
            axes = as.list(colnames(loadings)),
            factorData = SingleCellExperiment::factorData(m),
            metadata = metadata(m)
        )))
    }
    extra <- attributes(m)
    list(
        class = class(m)[1], named = !is.null(rownames(m)),
        columns = as.list(colnames(m)), mode = typeof(m),
        attributes = extra[setdiff(names(extra), c("dim", "dimnames", "class"))]
    )
}

isWhole <- function(loadings, features) {
    length(loadings) > 0 && identical(rownames(loadings), features)
}

imageRecord <- function(x) {
    if (is(x, "SpatialExperiment") && identical(dim(imgData(x)), c(0L, 4L))) {
        return(list(empty = TRUE))
    }
    images <- imageTable(x)
    if (length(images$image)) {
        lower <- vapply(images$image, isLower, TRUE)
        list(key = as.list(imageKeys(images)), lower = as.list(lower))
    }
}

imageKeys <- function(images) paste(images$sample_id, images$image_id)

# Some readers write colours in lower case; a look at some pixels tells.
isLower <- function(image) {
    is(image, "LoadedSpatialImage") &&
        any(grepl("[a-f]", utils::head(as.vector(imgRaster(image)), 1000)))
}
