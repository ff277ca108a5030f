#' Make a Seurat object of an AnnData
#'
#' Reads the parts of \code{adata} in the table of \code{\link{asAnnData}} and
#' returns a new Seurat object; \code{adata} is not changed. Layers, cells,
#' features, reductions, pictures and centroids that came from Seurat come back
#' the same, with rows and columns of images in the order of their class.
#'
#' @param adata a Python \code{AnnData}.
#' @param assay name of the assay, unless \code{adata} came from Seurat.
#' @param strict whether to stop, naming it, at what a Seurat object has no
#'     place for; \code{FALSE} leaves it out and names it in
#'     \code{Misc(x, "HistoBridge")$left_out}.
#' @return A Seurat object.
#' @examplesIf pythonReady() && requireNamespace("Seurat", quietly = TRUE)
#' asSeurat(asAnnData(exampleReference()))
#' @export
asSeurat <- function(adata, assay = "RNA", strict = TRUE) {
    if (!requireNamespace("SeuratObject", quietly = TRUE)) {
        fail("the package SeuratObject", "none")
    }
    if (!inherits(adata, "anndata._core.anndata.AnnData")) {
        fail("a Python AnnData", paste("class", class(adata)[1]))
    }
    uns <- entries(adata, "uns")
    record <- if (length(uns$r_object)) fromValue(uns$r_object)
    known <- identical(record$class, "Seurat")
    left <- seuratMisfits(adata, if (known) record)
    if (strict && length(left)) {
        fail(
            "only what a Seurat object has a place for", toString(left),
            fix = "strict = FALSE leaves it out"
        )
    }
    x <- seuratFrom(adata, uns, if (known) record else list(assay = assay))
    if (length(left)) place(x, "settings", "left_out", left) else x
}

seuratMisfits <- function(adata, record) {
    left <- as.character(unlist(py_to_r(bridge()$unplaced(adata))))
    for (part in c("obsp", "varp", if (is.null(record)) "varm")) {
        keys <- names(entries(adata, part))
        left <- c(left, sprintf("%s[\"%s\"]", part, keys))
    }
    if (has(adata, "uns", "altExps")) {
        left <- c(left, "uns[\"altExps\"]")
    }
    spatial <- has(adata, "obsm", "spatial") || has(adata, "uns", "spatial")
    if (spatial && is.null(record$images)) {
        left <- c(left, "obsm[\"spatial\"] and images that Seurat did not make")
    }
    left
}

seuratFrom <- function(adata, uns, record) {
    obs <- framed(adata$obs)
    var <- framed(adata$var)
    if (length(record$columns)) {
        obs <- obs[c(
            unlist(record$columns),
            setdiff(names(obs), c(unlist(record$columns), "sample_id"))
        )]
    }
    names <- list(gsub("_", "-", rownames(var), fixed = TRUE), rownames(obs))
    rownames(var) <- names[[1]]
    layers <- seuratOrder(assaysFrom(adata, uns, record, names), record)
    x <- SeuratObject::CreateSeuratObject(
        seuratAssay(layers, var, record),
        assay = record$assay,
        project = if (length(record$project)) record$project else "adata"
    )
    x@meta.data <- obs
    if (length(record$idents)) {
        SeuratObject::Idents(x) <- record$idents
    }
    x <- addReductions(x, adata, record)
    x <- addSections(x, adata, uns, record)
    addMisc(x, uns, record)
}

seuratOrder <- function(layers, record) {
    layers <- lapply(layers, function(m) {
        as(asGeneral(as(m, "Matrix")), "dMatrix")
    })
    inOrder(layers, record$layers)
}

# Assays of version 3 know the layers counts and data alone.
seuratAssay <- function(layers, var, record) {
    if (identical(record$version, "Assay")) {
        assay <- SeuratObject::CreateAssayObject(layers$counts)
        if (length(layers$data)) {
            assay <- SeuratObject::SetAssayData(assay, "data", layers$data)
        }
    } else {
        first <- layers[[1]]
        assay <- suppressWarnings(SeuratObject::CreateAssay5Object(
            counts = if (names(layers)[1] == "counts") first,
            data = if (names(layers)[1] != "counts") first
        ))
        for (name in names(layers)) {
            SeuratObject::LayerData(assay, name) <- layers[[name]]
        }
        if (!"data" %in% names(layers) && names(layers)[1] != "counts") {
            SeuratObject::DefaultLayer(assay) <- names(layers)[1]
            SeuratObject::LayerData(assay, "data") <- NULL
        }
    }
    if (length(var)) {
        assay[[names(var)]] <- var
    }
    assay
}

addReductions <- function(x, adata, record) {
    found <- Filter(function(value) {
        py_to_r(bridge()$matrix_kind(value)) == "array"
    }, entries(adata, "obsm"))
    found <- found[setdiff(names(found), "spatial")]
    for (key in names(inOrder(found, names(record$reductions)))) {
        facts <- record$reductions[[key]]
        m <- fromArray(found[[key]], "F")
        rownames(m) <- colnames(x)
        if (is.null(facts)) {
            x <- place(x, "reducedDims", key, m)
            next
        }
        colnames(m) <- unlist(facts$columns)
        none <- matrix(numeric(), 0, 0)
        x[[key]] <- SeuratObject::CreateDimReducObject(
            m,
            if (is.null(facts$loadings)) new("matrix") else facts$loadings,
            stdev = as.numeric(facts$deviations), key = facts$key,
            assay = facts$assay
        )
    }
    frames <- Filter(function(value) {
        py_to_r(bridge()$matrix_kind(value)) == "frame"
    }, entries(adata, "obsm"))
    for (key in names(frames)) {
        m <- fromSpots(frames[[key]])
        dimnames(m) <- list(framesLabels(frames[[key]]), colnames(x))
        x <- place(x, "altExps", key, m)
    }
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
