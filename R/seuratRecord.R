# What only R knows of a Seurat object, for the way back by asSeurat().

seuratRecord <- function(x) {
    name <- SeuratObject::DefaultAssay(x)
    assay <- x[[name]]
    list(
        class = "Seurat", assay = name, version = class(assay)[1],
        key = SeuratObject::Key(assay),
        layers = as.list(fullLayers(x)), project = SeuratObject::Project(x),
        columns = as.list(names(x[[]])), idents = SeuratObject::Idents(x),
        reductions = lapply(
            namedList(SeuratObject::Reductions(x)),
            function(key) reductionRecord(x[[key]])
        ),
        frames = as.list(names(seuratFrames(x))),
        images = lapply(namedList(SeuratObject::Images(x)), function(key) {
            sectionRecord(x[[key]])
        }),
        metadata = as.list(names(seuratMisc(x)))
    )
}

namedList <- function(keys) stats::setNames(as.list(keys), keys)

reductionRecord <- function(reduction) {
    loadings <- SeuratObject::Loadings(reduction)
    list(
        key = SeuratObject::Key(reduction),
        columns = as.list(colnames(reduction)),
        assay = SeuratObject::DefaultAssay(reduction),
        loadings = if (length(loadings)) loadings,
        deviations = SeuratObject::Stdev(reduction)
    )
}

sectionRecord <- function(image) {
    facts <- list(
        class = class(image)[1], key = SeuratObject::Key(image),
        assay = SeuratObject::DefaultAssay(image)
    )
    if (.hasSlot(image, "scale.factors")) {
        facts$scale <- unclass(image@scale.factors)
    }
    if (.hasSlot(image, "coordinates")) {
        facts$coordinates <- image@coordinates
        facts$radius <- image@spot.radius
        return(facts)
    }
    points <- image@boundaries[[1]]
    facts$cells <- as.list(SeuratObject::Cells(points))
    facts$boundary <- names(image@boundaries)[1]
    facts$axes <- as.list(colnames(points@coords))
    for (fact in c("nsides", "radius", "theta")) {
        facts[[fact]] <- slot(points, fact)
    }
    if (.hasSlot(image, "coords_x_orientation")) {
        facts$orientation <- as.character(image@coords_x_orientation)
    }
    facts
}

seuratMisc <- function(x) {
    found <- x@misc
    found[!nameOf(found) %in% c("HistoBridge", reserved, "")]
}

# Names of what an image holds beside centroids and a picture.
oddSections <- function(x) {
    unlist(lapply(SeuratObject::Images(x), function(key) {
        image <- x[[key]]
        if (.hasSlot(image, "coordinates")) {
            return(NULL)
        }
        kinds <- vapply(image@boundaries, is, TRUE, "Centroids")
        c(
            sprintf("boundary %s of image %s", names(kinds)[!kinds], key),
            if (sum(kinds) > 1) sprintf("second centroids of image %s", key),
            if (length(image@molecules)) sprintf("molecules of image %s", key)
        )
    }))
}
