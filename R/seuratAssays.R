# One assay of a Seurat object, of version 3 or 5 <-> an AnnData of its own; the
# default assay shares that of the object.

setMethod("partOf", "Assay", function(x, part, ...) assayPart(x, part, ...))

setMethod("partOf", "Assay5", function(x, part, ...) assayPart(x, part, ...))

assayPart <- function(x, part, ...) {
    split <- x
    x <- joined(x)
    switch(part,
        names = list(spots = colnames(x), features = rownames(x)),
        counts = assayLayer(x, ...),
        layers = otherLayers(x, ...),
        rowData = x[[]],
        altExps = partialLayers(x),
        record = c(assayRecord(x), splitRecord(split)),
        available = fullLayers(x),
        others = assayOthers(x)
    )
}

# JoinLayers() without names would make "data" of "scale.data".
joined <- function(assay) {
    bases <- splitLayers(assay)
    if (!length(bases)) {
        return(assay)
    }
    SeuratObject::JoinLayers(assay, layers = unique(unname(bases)))
}

# Layers of part of the cells, each with the name that it has when joined.
splitLayers <- function(assay) {
    if (!is(assay, "Assay5")) {
        return(character())
    }
    layers <- Filter(function(layer) {
        length(SeuratObject::Cells(assay, layer = layer)) < ncol(assay)
    }, SeuratObject::Layers(assay))
    stats::setNames(
        sub("^(scale\\.data|[^.]*).*", "\\1", layers), layers
    )
}

assayLayer <- function(assay, assay.type) {
    layers <- fullLayers(assay)
    if (!assay.type %in% layers) {
        fail(
            sprintf(
                "a layer named \"%s\" of all %d features and %d cells",
                assay.type, nrow(assay), ncol(assay)
            ),
            "none", layers
        )
    }
    SeuratObject::LayerData(assay, assay.type)
}

fullLayers <- function(assay) {
    layers <- SeuratObject::Layers(assay)
    whole <- vapply(layers, function(layer) {
        all(dim(SeuratObject::LayerData(assay, layer)) == dim(assay))
    }, TRUE)
    layers[whole]
}

otherLayers <- function(assay, assay.type) {
    keys <- setdiff(fullLayers(assay), assay.type)
    lapply(namedList(keys), function(key) assayLayer(assay, key))
}

# Layers of all cells but part of the features, such as scale.data.
partialLayers <- function(assay) {
    keys <- setdiff(SeuratObject::Layers(assay), fullLayers(assay))
    layers <- lapply(namedList(keys), function(key) {
        SeuratObject::LayerData(assay, key)
    })
    Filter(function(m) identical(colnames(m), colnames(assay)), layers)
}

assayRecord <- function(assay) {
    keys <- fullLayers(assay)
    list(
        class = class(assay)[1], key = SeuratObject::Key(assay),
        layers = as.list(SeuratObject::Layers(assay)),
        assays = lapply(namedList(keys), function(key) {
            matrixClass(SeuratObject::LayerData(assay, key))
        }),
        partial = lapply(partialLayers(assay), matrixClass),
        variable = if (is(assay, "Assay")) {
            as.list(SeuratObject::VariableFeatures(assay))
        },
        misc = if (length(assay@misc) && !length(aliens(assay@misc, "misc"))) {
            assay@misc
        }
    )
}

# Which layers are split, and the group of each cell.
splitRecord <- function(assay) {
    bases <- splitLayers(assay)
    if (!length(bases)) {
        return(NULL)
    }
    parts <- names(bases)[bases == bases[1]]
    groups <- stats::setNames(rep(NA_character_, ncol(assay)), colnames(assay))
    for (part in parts) {
        cells <- SeuratObject::Cells(assay, layer = part)
        groups[cells] <- substring(part, nchar(bases[1]) + 2)
    }
    list(split = list(
        layers = as.list(unique(unname(bases))), groups = groups
    ))
}

assayOthers <- function(assay) {
    lost <- setdiff(
        SeuratObject::Layers(assay),
        c(fullLayers(assay), names(partialLayers(assay)))
    )
    c(
        sprintf("layer %s of part of the cells", lost),
        aliens(assay@misc, "misc of the assay"),
        if (is(assay, "SCTAssay")) "models of an SCTAssay"
    )
}

# AnnData -> assay. Seurat has no underscores and bars in names of features.
assayFrom <- function(adata, record, cells, assay.type = "X") {
    var <- framed(bridge()$fitting(adata$var))
    names <- list(gsub("[_|]", "-", rownames(var)), cells)
    twice <- rownames(var)[names[[1]] %in% names[[1]][duplicated(names[[1]])]]
    if (length(twice)) {
        fail(
            "names of features that stay unique with - for _ and |",
            quoted(twice)
        )
    }
    rownames(var) <- names[[1]]
    layers <- assaysFrom(
        adata, entries(adata, "uns"), record, names, assay.type
    )
    layers <- Map(seuratMatrix, layers, names(layers) %in% names(record$assays))
    left <- intersect(names(record$partial), names(entries(adata, "obsm")))
    partial <- lapply(namedList(left), function(key) {
        frame <- bridge()$get(adata, "obsm", key)
        m <- asClass(fromSpots(frame), record$partial[[key]])
        dimnames(m) <- list(framesLabels(frame), cells)
        m
    })
    layers <- inOrder(c(layers, partial), record$layers)
    assay <- if (any(record$class %in% c("Assay", "SCTAssay"))) {
        assay3(layers, record)
    } else {
        assay5(layers)
    }
    if (length(var)) {
        assay[[names(var)]] <- var
    }
    if (length(record$key)) {
        SeuratObject::Key(assay) <- record$key
    }
    groups <- unname(record$split$groups[colnames(assay)])
    # split() makes vectors of layers of a single cell, and refuses one group.
    if (length(unique(groups)) > 1 && all(table(groups) > 1)) {
        assay <- suppressMessages(split(
            assay, groups,
            layers = unlist(record$split$layers)
        ))
    }
    assay
}

seuratMatrix <- function(m, recorded) {
    if (recorded) m else as(asGeneral(as(m, "Matrix")), "dMatrix")
}

# Version 3 knows the layers counts, data and scale.data alone.
assay3 <- function(layers, record) {
    assay <- if (length(layers$counts)) {
        SeuratObject::CreateAssayObject(layers$counts)
    } else {
        SeuratObject::CreateAssayObject(data = layers$data)
    }
    for (name in setdiff(names(layers), "counts")) {
        assay <- SeuratObject::SetAssayData(assay, name, layers[[name]])
    }
    if (length(record$variable)) {
        SeuratObject::VariableFeatures(assay) <- unlist(record$variable)
    }
    assay
}

assay5 <- function(layers) {
    if (!length(layers)) {
        fail("X or a layer, for an assay", "none")
    }
    first <- layers[[1]]
    name <- names(layers)[1]
    assay <- suppressWarnings(SeuratObject::CreateAssay5Object(
        counts = if (name == "counts") first,
        data = if (name != "counts") first
    ))
    for (key in names(layers)) {
        SeuratObject::LayerData(assay, key) <- layers[[key]]
    }
    if (!"data" %in% names(layers) && name != "counts") {
        SeuratObject::DefaultLayer(assay) <- name
        SeuratObject::LayerData(assay, "data") <- NULL
    }
    assay
}

# Assays beside the default one, except those that graft() made.
otherAssaysOf <- function(x) {
    keys <- setdiff(
        SeuratObject::Assays(x),
        c(SeuratObject::DefaultAssay(x), names(seuratFrames(x)))
    )
    found <- lapply(namedList(keys), function(key) x[[key]])
    Filter(function(assay) identical(colnames(assay), colnames(x)), found)
}

addAssays <- function(x, adata, record) {
    nested <- pyItems(bridge()$nested(adata))
    for (key in names(nested)) {
        own <- recordIn(nested[[key]])
        assay <- assayFrom(nested[[key]], own, colnames(x))
        x <- placeAssay(x, key, assay)
        x <- asRecorded(x, key, own)
    }
    x
}

# Seurat notes in a new assay that it counted its cells' molecules.
asRecorded <- function(x, key, record) {
    if (length(record$layers)) {
        misc <- x@assays[[key]]@misc
        misc[setdiff(names(misc), names(record$misc))] <- NULL
        misc[names(record$misc)] <- record$misc
        x@assays[[key]]@misc <- misc
    }
    x
}
