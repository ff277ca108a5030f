# The parts of an object that the mapping table names, as plain R values. Only
# these functions and place() know the classes; everything else sees parts.
setGeneric("partOf", function(x, part, ...) standardGeneric("partOf"))

setMethod("partOf", "ANY", function(x, part, ...) {
    fail(
        "a SpatialExperiment, SingleCellExperiment or Seurat object",
        paste("class", class(x)[1])
    )
})

setMethod("partOf", "SummarizedExperiment", function(x, part, ...) {
    switch(part,
        names = list(spots = colnames(x), features = rownames(x)),
        counts = namedAssay(x, ...),
        layers = otherAssays(x, ...),
        colData = colData(x),
        rowData = rowData(x),
        reducedDims = dimensions(x),
        altExps = ownAltExps(x),
        spatialCoords = if (hasCoords(x)) spatialCoords(x),
        imgData = imageTable(x),
        settings = ownSettings(x),
        sections = unique(as.character(colData(x)$sample_id)),
        taken = takenNames(x),
        hasCounts = "counts" %in% assayNames(x),
        others = notCarried(x)
    )
})

namedAssay <- function(x, assay.type) {
    if (!assay.type %in% assayNames(x)) {
        fail(
            paste("an assay named", dQuote(assay.type, FALSE)), "none",
            assayNames(x)
        )
    }
    assay(x, assay.type, withDimnames = FALSE)
}

otherAssays <- function(x, assay.type) {
    as.list(assays(x, withDimnames = FALSE))[setdiff(assayNames(x), assay.type)]
}

dimensions <- function(x) {
    if (is(x, "SingleCellExperiment")) lapply(reducedDims(x), as.matrix)
}

hasCoords <- function(x) {
    is(x, "SpatialExperiment") && ncol(spatialCoords(x)) > 0
}

# An altExp is ours to carry when an assay has the name of the altExp itself.
ownAltExps <- function(x) {
    if (is(x, "SingleCellExperiment")) {
        found <- as.list(altExps(x))
        own <- vapply(names(found), function(key) {
            key %in% assayNames(found[[key]])
        }, TRUE)
        Map(function(se, key) assay(se, key), found[own], names(found)[own])
    }
}

imageTable <- function(x) {
    if (is(x, "SpatialExperiment") && length(imgData(x)$data)) {
        table <- imgData(x)
        list(
            sample_id = as.character(table$sample_id),
            image_id = as.character(table$image_id),
            image = as.list(table$data),
            scale = as.numeric(table$scaleFactor)
        )
    }
}

# cbind() keeps one entry per object; here they are one again.
ownSettings <- function(x) {
    merged <- list()
    for (entry in metadata(x)[names(metadata(x)) == "HistoBridge"]) {
        for (fact in intersect(sectionFacts, names(entry))) {
            values <- c(merged[[fact]], entry[[fact]])
            merged[[fact]] <- values[!duplicated(names(values))]
        }
        new <- setdiff(names(entry), names(merged))
        merged[new] <- entry[new]
    }
    if (length(merged)) merged
}

notCarried <- function(x) {
    other <- setdiff(names(metadata(x)), "HistoBridge")
    found <- if (length(other)) paste0("metadata$", other)
    if (is(x, "SingleCellExperiment")) {
        alien <- setdiff(altExpNames(x), names(ownAltExps(x)))
        found <- c(
            found,
            if (length(alien)) paste0("altExp ", alien),
            if (length(colPairNames(x))) paste0("colPair ", colPairNames(x)),
            if (length(rowPairNames(x))) paste0("rowPair ", rowPairNames(x))
        )
    }
    found
}

takenNames <- function(x) {
    names <- colnames(colData(x))
    if (is(x, "SingleCellExperiment")) {
        names <- c(names, reducedDimNames(x), altExpNames(x))
    }
    names
}
