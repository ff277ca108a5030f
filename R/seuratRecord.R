# What only R knows of a Seurat object, for the way back by asSeurat().

seuratRecord <- function(x) {
    name <- SeuratObject::DefaultAssay(x)
    main <- mainPart(x, "record")
    list(
        class = "Seurat", assay = name, main = main, assays = main$assays,
        order = as.list(SeuratObject::Assays(x)),
        project = SeuratObject::Project(x),
        columns = as.list(names(x[[]])), idents = SeuratObject::Idents(x),
        reductions = lapply(
            namedList(names(seuratReductions(x))),
            function(key) reductionRecord(x[[key]], rownames(x))
        ),
        pairs = seuratPairRecord(x),
        images = lapply(Filter(isKnownImage, x@images), sectionRecord),
        sections = ownSections(x),
        metadata = as.list(names(seuratMisc(x)))
    )
}

# A sample_id that says something else than the image, and what obs has instead.
ownSections <- function(x) {
    own <- x[[]]$sample_id
    shown <- seuratCells(x)$sample_id
    if (!is.null(own) && !identical(own, shown)) {
        list(own = stats::setNames(own, colnames(x)), shown = shown)
    }
}

withOwnSections <- function(obs, sections) {
    rows <- match(rownames(obs), names(sections$own))
    if (length(sections) && identical(obs$sample_id, sections$shown[rows])) {
        obs$sample_id <- unname(sections$own[rows])
    }
    obs
}

namedList <- function(keys) stats::setNames(as.list(keys), keys)

# Loadings of all features are varm; those of some stay here.
reductionRecord <- function(reduction, features) {
    loadings <- SeuratObject::Loadings(reduction)
    projected <- SeuratObject::Loadings(reduction, projected = TRUE)
    list(
        key = SeuratObject::Key(reduction),
        columns = as.list(colnames(reduction)),
        assay = SeuratObject::DefaultAssay(reduction),
        axes = as.list(colnames(loadings)),
        loadings = if (length(loadings) && !isWhole(loadings, features)) {
            loadings
        },
        projected = if (length(projected)) projected,
        deviations = SeuratObject::Stdev(reduction),
        global = SeuratObject::IsGlobal(reduction),
        misc = reduction@misc
    )
}

seuratMisc <- function(x) {
    found <- x@misc
    found[!nameOf(found) %in% c("HistoBridge", reserved, "")]
}
