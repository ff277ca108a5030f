#' Make a Seurat object of an AnnData
#'
#' Reads the parts of \code{adata} in the table of \code{\link{asAnnData}} and
#' returns a new Seurat object; \code{adata} is not changed. Layers, cells,
#' features, reductions, pictures and centroids that came from Seurat come back
#' the same, with rows and columns of images in the order of their class; the
#' log of commands does not travel.
#'
#' @param adata a Python \code{AnnData}.
#' @param assay name of the assay, unless \code{adata} came from Seurat.
#' @param assay.type name of the layer that \code{X} becomes, unless
#'     \code{uns["X_name"]} says it; \code{"X"} where a layer has that name.
#' @param strict whether to stop, naming it, at what a Seurat object has no
#'     place for; \code{FALSE} leaves it out and names it in
#'     \code{Misc(x, "HistoBridge")$left_out}.
#' @return A Seurat object.
#' @examplesIf pythonReady() && requireNamespace("Seurat", quietly = TRUE)
#' asSeurat(asAnnData(exampleReference()))
#' @export
asSeurat <- function(
        adata, assay = "RNA", strict = TRUE, assay.type = "X") {
    if (!requireNamespace("SeuratObject", quietly = TRUE)) {
        fail("the package SeuratObject", "none")
    }
    if (!inherits(adata, "anndata._core.anndata.AnnData")) {
        fail(
            "a Python AnnData", paste("class", class(adata)[1]),
            fix = "asSeurat(asAnnData(x))"
        )
    }
    uns <- entries(adata, "uns")
    record <- if (length(uns$r_object)) fromValue(uns$r_object)
    seurat <- identical(record$class, "Seurat")
    cells <- unlist(py_to_r(bridge()$labels(adata$obs_names)))
    known <- seurat && all(cells %in% names(record$idents))
    left <- c(
        seuratMisfits(adata, if (known) record),
        if (seurat && !known) "uns[\"r_object\"] (of other cells)"
    )
    if (strict && length(left)) {
        fail(
            "only what a Seurat object has a place for", toString(left),
            fix = "strict = FALSE leaves it out"
        )
    }
    if (!known) record <- list(assay = assay, main = list(class = "Assay5"))
    x <- seuratFrom(adata, uns, record, assay.type)
    if (length(left)) place(x, "settings", "left_out", left) else x
}

seuratMisfits <- function(adata, record) {
    left <- as.character(unlist(py_to_r(bridge()$unplaced(adata))))
    varm <- setdiff(names(entries(adata, "varm")), names(record$reductions))
    sparse <- names(Filter(function(value) {
        py_to_r(bridge()$matrix_kind(value)) == "sparse"
    }, entries(adata, "obsm")))
    c(
        left, sprintf("obsm[\"%s\"] (sparse)", sparse),
        sprintf("varm[\"%s\"]", varm),
        sprintf("varp[\"%s\"]", names(entries(adata, "varp"))),
        nestedMisfits(adata), if (is.null(record)) sectionMisfits(adata)
    )
}

# An assay has no place for columns, reductions and graphs of its own.
nestedMisfits <- function(adata) {
    nested <- pyItems(bridge()$nested(adata))
    unlist(lapply(names(nested), function(key) {
        inner <- nested[[key]]
        held <- lapply(c("obsm", "varm", "obsp", "varp"), function(part) {
            sprintf("%s[\"%s\"]", part, names(entries(inner, part)))
        })
        columns <- names(framed(bridge()$fitting(inner$obs)))
        own <- sprintf("obs[\"%s\"]", columns)
        held <- c(own, unlist(held))
        partial <- names(recordIn(inner)$partial)
        held <- setdiff(held, sprintf("obsm[\"%s\"]", partial))
        sprintf("%s of uns[\"altExps\"][\"%s\"]", held, key)
    }))
}

# What only R knows, or an empty list.
recordIn <- function(adata) {
    if (has(adata, "uns", "r_object")) {
        fromValue(bridge()$get(adata, "uns", "r_object"))
    } else {
        list()
    }
}

seuratFrom <- function(adata, uns, record, assay.type) {
    obs <- withOwnSections(
        framed(bridge()$fitting(adata$obs)), record$sections
    )
    if (length(record$columns)) {
        ours <- setdiff("sample_id", unlist(record$columns))
        obs <- inOrder(obs[setdiff(names(obs), ours)], record$columns)
    }
    # Seurat warns where there are no counts to sum up.
    x <- suppressWarnings(SeuratObject::CreateSeuratObject(
        assayFrom(adata, record$main, rownames(obs), assay.type),
        assay = record$assay,
        project = if (length(record$project)) record$project else "adata"
    ))
    x <- asRecorded(x, record$assay, record$main)
    x <- addAssays(x, adata, record)
    x <- addReductions(x, adata, record)
    x <- addGraphs(x, adata, record)
    x@assays <- inOrder(x@assays, record$order)
    x@meta.data <- obs
    if (length(record$idents)) {
        SeuratObject::Idents(x) <- record$idents[colnames(x)]
    }
    x <- addSections(x, adata, uns, record)
    addMisc(x, uns, record)
}

addReductions <- function(x, adata, record) {
    found <- entries(adata, "obsm")
    placed <- c("spatial", names(record$main$partial))
    found <- found[setdiff(names(found), placed)]
    kinds <- vapply(found, function(value) {
        py_to_r(bridge()$matrix_kind(value))
    }, "")
    arrays <- found[kinds == "array"]
    for (key in names(inOrder(arrays, names(record$reductions)))) {
        m <- fromArray(arrays[[key]], "F")
        rownames(m) <- colnames(x)
        facts <- record$reductions[[key]]
        x <- if (is.null(facts)) {
            place(x, "reducedDims", key, m)
        } else {
            addReduction(x, key, m, facts, adata)
        }
    }
    for (key in names(found)[kinds == "frame"]) {
        m <- fromSpots(found[[key]])
        dimnames(m) <- list(framesLabels(found[[key]]), colnames(x))
        x <- place(x, "altExps", key, m)
    }
    x
}

addReduction <- function(x, key, m, facts, adata) {
    colnames(m) <- unlist(facts$columns)
    loadings <- facts$loadings
    if (is.null(loadings) && has(adata, "varm", key)) {
        loadings <- varmFrom(adata, key)
        dimnames(loadings) <- list(rownames(x), unlist(facts$axes))
    }
    none <- new("matrix")
    x[[key]] <- SeuratObject::CreateDimReducObject(
        m, if (is.null(loadings)) none else loadings,
        if (is.null(facts$projected)) none else facts$projected,
        stdev = as.numeric(facts$deviations), key = facts$key,
        assay = facts$assay, global = isTRUE(facts$global),
        misc = as.list(facts$misc)
    )
    x
}

addMisc <- function(x, uns, record) {
    own <- uns[setdiff(names(uns), reserved)]
    fits <- vapply(own, function(value) {
        !length(py_to_r(bridge()$misfits(value, "")))
    }, TRUE)
    found <- inOrder(lapply(own[fits], fromValue), record$metadata)
    for (key in names(found)) {
        x@misc[[key]] <- found[[key]]
    }
    settings <- settingsFrom(uns)
    if (length(settings)) {
        x@misc$HistoBridge <- settings
    }
    x
}
