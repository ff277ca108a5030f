# Writes one value (or NULL to remove it) to one place of an object.
setGeneric("place", function(x, slot, key, value) standardGeneric("place"))

setMethod("place", "SummarizedExperiment", function(x, slot, key, value) {
    switch(slot,
        # The setter of SpatialExperiment would touch an empty imgData.
        colData = x@colData[[key]] <- value,
        reducedDims = reducedDim(x, key, withDimnames = FALSE) <- value,
        altExps = altExp(x, key, withDimnames = FALSE) <- ownAltExp(value, key),
        layers = assay(x, key, withDimnames = FALSE) <- value,
        imgData = x <- placePicture(x, key, value),
        settings = x <- placeSetting(x, key, value)
    )
    x
})

# An object that has no pictures keeps none.
placePicture <- function(x, key, value) {
    if (!is(x, "SpatialExperiment")) {
        return(x)
    }
    table <- imgData(x)
    if (is.null(value)) {
        kept <- paste(table$sample_id, table$image_id) != key
        imgData(x) <- table[kept, , drop = FALSE]
        return(x)
    }
    imgData(x) <- rbind(table, S4Vectors::DataFrame(
        sample_id = value$sample_id, image_id = value$image_id,
        data = I(list(value$image)), scaleFactor = value$scale
    ))
    x
}

placeSetting <- function(x, key, value) {
    settings <- as.list(ownSettings(x))
    settings[[key]] <- value
    twice <- duplicated(names(metadata(x)))
    surplus <- which(twice & names(metadata(x)) == "HistoBridge")
    if (length(surplus)) {
        metadata(x) <- metadata(x)[-surplus]
    }
    metadata(x)$HistoBridge <- if (length(settings)) settings
    x
}

ownAltExp <- function(value, key) {
    if (!is.null(value)) {
        assays <- list(value)
        names(assays) <- key
        SummarizedExperiment(assays)
    }
}

setMethod("place", "Seurat", function(x, slot, key, value) {
    switch(slot,
        colData = x@meta.data[[key]] <- value,
        reducedDims = x[[key]] <- ownReduction(value, key, x),
        altExps = x <- placeAssay(x, key, ownAssay(value, key)),
        layers = SeuratObject::LayerData(x, key) <- value,
        settings = x@misc$HistoBridge[[key]] <- value
    )
    if (!length(x@misc$HistoBridge)) {
        x@misc$HistoBridge <- NULL
    }
    x
})

# Seurat warns that the new assay has no counts to sum up; it never has.
placeAssay <- function(x, key, assay) {
    suppressWarnings(x[[key]] <- assay)
    x
}

seuratKey <- function(key) paste0(gsub("[^A-Za-z0-9]", "", key), "_")

ownReduction <- function(value, key, x) {
    if (!is.null(value)) {
        # Seurat insists on its own column names; ours stay in the settings.
        colnames(value) <- paste0(seuratKey(key), seq_len(ncol(value)))
        SeuratObject::CreateDimReducObject(
            value,
            key = seuratKey(key), assay = SeuratObject::DefaultAssay(x)
        )
    }
}

ownAssay <- function(value, key) {
    if (!is.null(value)) {
        features <- rownames(value)
        # Seurat has no underscores in feature names.
        rownames(value) <- gsub("_", "-", features, fixed = TRUE)
        value <- as(as(value, "CsparseMatrix"), "generalMatrix")
        # Assays of Seurat 5 refuse a single feature.
        create <- if (nrow(value) > 1) {
            SeuratObject::CreateAssay5Object
        } else {
            SeuratObject::CreateAssayObject
        }
        assay <- create(data = value)
        SeuratObject::Key(assay) <- seuratKey(key)
        SeuratObject::Misc(assay, "features") <- features
        assay
    }
}
