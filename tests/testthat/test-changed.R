# Python, between the way there and the way back, changes the AnnData: what R
# had noted of it must not spoil what it holds now.
changedBy <- function(x, code) {
    lines <- c("def change(a):", paste("   ", c("a = a.copy()", code, "return a")))
    reticulate::py_run_string(
        paste(c("import scipy.sparse as sp", lines), collapse = "\n"),
        convert = FALSE
    )
    reticulate::import_main(convert = FALSE)$change(asAnnData(x))
}

test_that("new values are not squeezed into the class of the old ones", {
    skipWithoutPython()
    counts <- toyCounts(6, 6)
    colnames(counts) <- rownames(counts)
    whole <- as.matrix(counts)
    storage.mode(whole) <- "integer"
    x <- SingleCellExperiment(list(
        counts = counts, integer = whole, logical = whole > 2,
        lgC = counts > 2, ngC = as(counts, "nMatrix"),
        symmetric = Matrix::forceSymmetric(Matrix::tcrossprod(counts)),
        diagonal = Matrix::Diagonal(6)
    ))
    for (scale in list(rep(0.5, 6), 1:6 / 2)) {
        y <- asExperiment(changedBy(x, c(
            sprintf("by = sp.diags([%s])", toString(scale)),
            "for k in list(a.layers): a.layers[k] = by @ a.layers[k]"
        )), "SingleCellExperiment")
        for (name in setdiff(assayNames(x), "counts")) {
            expect_equal(
                unname(as.matrix(assay(y, name))),
                unname(t(t(as.matrix(assay(x, name))) * scale)),
                info = name
            )
        }
    }
    expect_s4_class(assay(y, "diagonal"), "ddiMatrix")
})

test_that("coordinates and dimensions of integers may get fractions", {
    skipWithoutPython()
    x <- toySpe()
    coords <- cbind(x = 1:9, y = 9:1)
    spatialCoords(x) <- coords
    reducedDim(x, "grid") <- unname(coords)
    y <- asExperiment(changedBy(
        x, "for k in list(a.obsm): a.obsm[k] = a.obsm[k] / 2"
    ))
    expect_identical(unname(spatialCoords(y)), unname(coords) / 2)
    expect_identical(unname(reducedDim(y, "grid")), unname(coords) / 2)
})

test_that("counts that Python put aside stay apart from X", {
    skipWithoutPython()
    x <- toySpe()
    scanpy <- changedBy(x, c("a.layers['counts'] = a.X.copy()", "a.X = a.X / 4"))
    y <- asExperiment(scanpy)
    expect_identical(assayNames(y), c("counts", "X"))
    expect_identical(assay(y, "counts"), assay(x, "counts"))
    expect_equal(assay(y, "X"), assay(x, "counts") / 4)
    expect_identical(assayNames(asExperiment(asAnnData(y))), c("counts", "X"))
    both <- changedBy(x, "for k in ('X', 'counts'): a.layers[k] = a.X.copy()")
    expect_error(
        asExperiment(both), "a name of X that no layer has; found layers"
    )
})
