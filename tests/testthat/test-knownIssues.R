# known-issues.md: these say when a workaround is no longer needed.
stillThere <- function(bug, text) {
    if (!bug) skip(paste("fixed, the workaround can go:", text))
    expect_true(bug)
}

test_that("JoinLayers() makes data of scale.data", {
    skip_if_not_installed("Seurat")
    assay <- toySeurat()[["RNA"]]
    SeuratObject::LayerData(assay, "scale.data") <- as.matrix(
        SeuratObject::LayerData(assay, "counts")
    )[1:2, ]
    joined <- suppressMessages(SeuratObject::JoinLayers(assay))
    stillThere(
        "data" %in% SeuratObject::Layers(joined), "SeuratObject::JoinLayers"
    )
})

test_that("reticulate loses integer and logical NA", {
    skipWithoutPython()
    frame <- reticulate::r_to_py(data.frame(n = c(1L, NA), l = c(TRUE, NA)))
    lost <- function(name) {
        !any(unlist(py_to_r(frame[[name]]$isna()$tolist())))
    }
    stillThere(lost("n"), "integer NA in reticulate")
    stillThere(lost("l"), "logical NA in reticulate")
})
