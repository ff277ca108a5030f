setMethod("partOf", "Seurat", function(x, part, ...) {
    switch(part,
        names = list(spots = colnames(x), features = rownames(x)),
        counts = seuratLayer(x, ...),
        layers = seuratLayers(x, ...),
        colData = seuratCells(x),
        rowData = x[[SeuratObject::DefaultAssay(x)]][[]],
        reducedDims = seuratReductions(x),
        altExps = seuratFrames(x),
        spatialCoords = seuratCoords(x),
        imgData = seuratImages(x),
        settings = x@misc$HistoBridge,
        metadata = seuratMisc(x),
        record = seuratRecord(x),
        sections = SeuratObject::Images(x),
        taken = c(names(x[[]]), names(x)),
        hasCounts = "counts" %in% SeuratObject::Layers(joinedAssay(x)),
        others = seuratOthers(x)
    )
})

joinedAssay <- function(x) {
    assay <- x[[SeuratObject::DefaultAssay(x)]]
    if (is(assay, "Assay5")) SeuratObject::JoinLayers(assay) else assay
}

seuratLayer <- function(x, assay.type, assay = joinedAssay(x)) {
    if (!assay.type %in% SeuratObject::Layers(assay)) {
        fail(
            paste("a layer named", dQuote(assay.type, FALSE)), "none",
            SeuratObject::Layers(assay)
        )
    }
    m <- SeuratObject::LayerData(assay, assay.type)
    if (!all(dim(m) == dim(x))) {
        fail(
            sprintf(
                "layer %s to cover %d features and %d cells",
                dQuote(assay.type, FALSE), nrow(x), ncol(x)
            ),
            paste(dim(m), collapse = " x ")
        )
    }
    m
}

# Layers of part of the features, such as scale.data, have no place in AnnData.
fullLayers <- function(x, assay = joinedAssay(x)) {
    layers <- SeuratObject::Layers(assay)
    whole <- vapply(layers, function(layer) {
        all(dim(SeuratObject::LayerData(assay, layer)) == dim(x))
    }, TRUE)
    layers[whole]
}

seuratLayers <- function(x, assay.type) {
    assay <- joinedAssay(x)
    keys <- setdiff(fullLayers(x, assay), assay.type)
    layers <- lapply(keys, function(key) seuratLayer(x, key, assay))
    names(layers) <- keys
    layers
}

# The image of a cell is its section.
seuratCells <- function(x) {
    cells <- x[[]]
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

# Until Seurat 5.4, VisiumV2 called the image row "x"; since then it says which.
imageCoords <- function(image) {
    if (.hasSlot(image, "coordinates")) {
        table <- image@coordinates
        columns <- intersect(c("imagerow", "imagecol", "x", "y"), names(table))
        return(asXY(table[, columns[c(1, 2)]]))
    }
    table <- SeuratObject::GetTissueCoordinates(image@boundaries[[1]])
    coords <- as.matrix(table[, c("x", "y")])
    rownames(coords) <- table$cell
    horizontal <- .hasSlot(image, "coords_x_orientation") &&
        identical(as.character(image@coords_x_orientation), "horizontal")
    if (is(image, "VisiumV2") && !horizontal) {
        coords <- coords[, c("y", "x"), drop = FALSE]
        colnames(coords) <- c("x", "y")
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

seuratOthers <- function(x) {
    assays <- setdiff(
        SeuratObject::Assays(x),
        c(SeuratObject::DefaultAssay(x), names(seuratFrames(x)))
    )
    layers <- setdiff(SeuratObject::Layers(joinedAssay(x)), fullLayers(x))
    misc <- setdiff(names(x@misc), c("HistoBridge", names(seuratMisc(x))))
    known <- seuratMisc(x)
    graphs <- c(SeuratObject::Graphs(x), SeuratObject::Neighbors(x))
    found <- c(
        if (length(assays)) paste("assay", assays),
        if (length(layers)) paste("layer", layers),
        if (length(misc)) paste("misc", misc),
        if (length(graphs)) paste("graph", graphs),
        unlist(Map(aliens, known, sprintf("misc$%s", names(known)))),
        oddSections(x)
    )
    unname(found)
}
