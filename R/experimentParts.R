# Parts of an AnnData that only a SingleCellExperiment has a place for.

addDims <- function(x, adata, record) {
    found <- entries(adata, "obsm")
    found <- found[setdiff(names(found), "spatial")]
    found <- inOrder(found, names(record$reducedDims))
    for (key in names(found)) {
        if (py_to_r(bridge()$matrix_kind(found[[key]])) != "frame") {
            m <- dimFrom(found[[key]], adata, key, record$reducedDims[[key]])
            bare <- isFALSE(record$reducedDims[[key]]$named)
            if (!bare) {
                rownames(m) <- colnames(x)
            }
            reducedDim(x, key, withDimnames = FALSE) <- m
        }
    }
    x
}

dimFrom <- function(value, adata, key, record) {
    m <- if (inherits(value, "numpy.ndarray")) fromArray(value, "F") else
        Matrix::t(fromSparse(value))
    columns <- as.character(unlist(record$columns))
    if (length(columns) == ncol(m) && length(columns)) {
        colnames(m) <- columns
    }
    if (identical(record$class, "LinearEmbeddingMatrix")) {
        return(embeddingFrom(m, adata, key, record))
    }
    if (is.matrix(m)) {
        m <- asMode(m, record$mode)
    }
    for (name in names(record$attributes)) {
        attr(m, name) <- record$attributes[[name]]
    }
    m
}

embeddingFrom <- function(m, adata, key, record) {
    loadings <- record$loadings
    if (is.null(loadings) && has(adata, "varm", key)) {
        loadings <- varmFrom(adata, key)
        axes <- as.character(unlist(record$axes))
        colnames(loadings) <- if (length(axes)) axes
    }
    SingleCellExperiment::LinearEmbeddingMatrix(
        m, loadings, record$factorData, as.list(record$metadata)
    )
}

varmFrom <- function(adata, key) {
    value <- bridge()$get(adata, "varm", key)
    m <- t(as.matrix(fromSpots(value)))
    frame <- py_to_r(bridge()$matrix_kind(value)) == "frame"
    names <- py_to_r(bridge()$labels(adata$var_names))
    dimnames(m) <- list(
        as.character(unlist(names)), if (frame) framesLabels(value)
    )
    m
}

addAltExps <- function(x, adata, record) {
    frames <- Filter(function(value) {
        py_to_r(bridge()$matrix_kind(value)) == "frame"
    }, entries(adata, "obsm"))
    own <- Map(function(frame, key) {
        m <- asClass(fromSpots(frame), record$ownAltExps[[key]])
        dimnames(m) <- list(framesLabels(frame), colnames(x))
        ownAltExp(m, key)
    }, frames, names(frames))
    nested <- pyItems(bridge()$nested(adata))
    nested <- lapply(nested, experimentFrom, class = "recorded")
    found <- inOrder(c(own, nested), record$altExps)
    for (key in names(found)) {
        altExp(x, key, withDimnames = FALSE) <- found[[key]]
    }
    x
}

framesLabels <- function(frame) {
    as.character(unlist(py_to_r(bridge()$labels(frame$columns))))
}

addPairs <- function(x, adata, record) {
    cols <- pairsIn(adata, "obsp", record$colPairs)
    # Names of rows are dear, so they are asked for where there is a pair.
    places <- if (length(cols)) match(record$names$obs, colnames(x))
    for (key in names(cols)) {
        SingleCellExperiment::colPair(x, key) <- fromPairs(
            cols[[key]], record$colPairs[[key]], places
        )
    }
    rows <- pairsIn(adata, "varp", record$rowPairs)
    places <- if (length(rows)) match(record$names$var, rownames(x))
    for (key in names(rows)) {
        SingleCellExperiment::rowPair(x, key) <- fromPairs(
            rows[[key]], record$rowPairs[[key]], places
        )
    }
    x
}

pairsIn <- function(adata, part, recorded) {
    inOrder(entries(adata, part), names(recorded))
}

addMetadata <- function(x, adata, uns, record) {
    own <- uns[setdiff(names(uns), reserved)]
    fits <- vapply(own, function(value) {
        !length(py_to_r(bridge()$misfits(value, "")))
    }, TRUE)
    found <- lapply(own[fits], fromValue)
    varm <- setdiff(names(entries(adata, "varm")), loadingKeys(record))
    if (length(varm)) {
        found$varm <- stats::setNames(
            lapply(varm, function(key) varmFrom(adata, key)), varm
        )
    }
    settings <- settingsFrom(uns)
    if (length(settings)) {
        found$HistoBridge <- settings
    }
    metadata(x) <- inOrder(found, record$metadata)
    x
}

loadingKeys <- function(record) {
    names(Filter(function(entry) {
        identical(entry$class, "LinearEmbeddingMatrix")
    }, record$reducedDims))
}

settingsFrom <- function(uns) {
    facts <- list()
    if (length(uns$spatial)) {
        factors <- lapply(pyItems(uns$spatial), function(library) {
            py_to_r(pyItems(library)$scalefactors)
        })
        for (fact in sectionFacts) {
            facts[[fact]] <- unlist(lapply(factors, `[[`, fact))
        }
    }
    own <- if (length(uns$histobridge)) {
        py_to_r(bridge()$settings(uns$histobridge))
    }
    further <- if (length(uns$spatial)) {
        Filter(
            function(value) !length(py_to_r(bridge()$misfits(value, ""))),
            pyItems(bridge()$further(uns$spatial))
        )
    }
    c(own, facts, if (length(further)) {
        list(further = lapply(further, fromValue))
    })
}
