setMethod("partOf", "Seurat", function(x, part, ...) {
    switch(part,
        names = list(spots = colnames(x), features = rownames(x)),
        counts = , layers = , rowData = , available = mainPart(x, part, ...),
        colData = seuratCells(x),
        reducedDims = seuratReductions(x),
        loadings = wholeSeuratLoadings(x),
        altExps = c(mainPart(x, part), seuratFrames(x)),
        experiments = otherAssaysOf(x),
        colPairs = seuratPairs(x),
        spatialCoords = seuratCoords(x),
        imgData = seuratImages(x),
        settings = x@misc$HistoBridge,
        metadata = seuratMisc(x),
        record = seuratRecord(x),
        sections = SeuratObject::Images(x),
        taken = c(names(x[[]]), names(x)),
        others = seuratOthers(x)
    )
})

mainPart <- function(x, part, ...) {
    partOf(x[[SeuratObject::DefaultAssay(x)]], part, ...)
}

# The image of a cell is its section; an own sample_id goes into the record.
seuratCells <- function(x) {
    cells <- x[[]]
    if (length(SeuratObject::Images(x)) && !is.null(cells$sample_id)) {
        cells$sample_id <- as.character(cells$sample_id)
    }
    for (name in SeuratObject::Images(x)) {
        inside <- colnames(x) %in% SeuratObject::Cells(x[[name]])
        cells$sample_id[inside] <- name
    }
    cells
}

seuratReductions <- function(x) {
    keys <- SeuratObject::Reductions(x)
    whole <- lapply(keys, function(key) SeuratObject::Embeddings(x, key))
    names(whole) <- keys
    Filter(function(m) identical(rownames(m), colnames(x)), whole)
}

# Only assays that graft() made remember their features.
seuratFrames <- function(x) {
    made <- lapply(SeuratObject::Assays(x), function(key) {
        features <- SeuratObject::Misc(x[[key]], "features")
        if (length(features)) {
            m <- SeuratObject::LayerData(x, "data", assay = key)
            if (is.null(dim(m))) {
                # A single feature was dropped to a vector.
                m <- matrix(m, 1, dimnames = list(NULL, names(m)))
            }
            rownames(m) <- features
            m
        }
    })
    names(made) <- SeuratObject::Assays(x)
    Filter(Negate(is.null), made)
}

seuratCoords <- function(x) {
    if (!length(SeuratObject::Images(x))) {
        return(NULL)
    }
    coords <- matrix(
        NA_real_, ncol(x), 2,
        dimnames = list(colnames(x), c("x", "y"))
    )
    for (name in SeuratObject::Images(x)) {
        found <- imageCoords(x[[name]])
        cells <- intersect(rownames(found), colnames(x))
        coords[cells, ] <- found[cells, , drop = FALSE]
    }
    coords
}

# Seurat keeps one picture per image: the low-resolution one.
seuratImages <- function(x) {
    names <- Filter(function(name) {
        .hasSlot(x[[name]], "image")
    }, SeuratObject::Images(x))
    if (!length(names)) {
        return(NULL)
    }
    list(
        sample_id = names,
        image_id = rep("lowres", length(names)),
        image = lapply(names, function(name) x[[name]]@image),
        scale = vapply(names, function(name) {
            as.numeric(x[[name]]@scale.factors$lowres)
        }, 0, USE.NAMES = FALSE)
    )
}

# Loadings of every feature.
wholeSeuratLoadings <- function(x) {
    features <- rownames(x)
    found <- lapply(namedList(names(seuratReductions(x))), function(key) {
        SeuratObject::Loadings(x[[key]])
    })
    lapply(Filter(function(m) isWhole(m, features), found), unname)
}

seuratOthers <- function(x) {
    known <- seuratMisc(x)
    carried <- c(
        SeuratObject::DefaultAssay(x), names(seuratFrames(x)),
        names(otherAssaysOf(x))
    )
    found <- c(
        sprintf("assay %s", setdiff(SeuratObject::Assays(x), carried)),
        mainPart(x, "others"),
        sprintf("misc %s", setdiff(
            names(x@misc), c("HistoBridge", names(known))
        )),
        sprintf("tool %s", names(x@tools)), oddPairsOf(x), oddReductions(x),
        unlist(Map(aliens, known, sprintf("misc$%s", names(known)))),
        oddSections(x)
    )
    unname(found)
}

oddReductions <- function(x) {
    keys <- SeuratObject::Reductions(x)
    unlist(lapply(keys, function(key) {
        reduction <- x[[key]]
        tested <- methods::slotNames(reduction@jackstraw)
        tested <- Filter(function(slot) {
            length(methods::slot(reduction@jackstraw, slot)) > 0
        }, tested)
        c(
            if (!key %in% names(seuratReductions(x))) {
                sprintf("reduction %s of part of the cells", key)
            },
            if (length(tested)) sprintf("jackstraw of reduction %s", key),
            aliens(reduction@misc, sprintf("misc of reduction %s", key))
        )
    }))
}
