# The table in the manual is what comes back, and says so of every part.
same <- function(found) {
    committed <- readRoundTrips()
    keys <- c("part", "route", "class", "objects")
    rows <- merge(committed, found, keys, suffixes = c("", ".now"))
    expect_identical(nrow(rows), nrow(found))
    expect_identical(rows$result.now, rows$result)
}

test_that("experiments come back as the table says", {
    skipWithoutPython()
    same(experimentRows())
})

test_that("Seurat objects come back as the table says", {
    skipWithoutPython()
    skip_if_not_installed("Seurat")
    suppressPackageStartupMessages(loadNamespace("Seurat"))
    same(seuratRows())
})

test_that("AnnData of Python come back as the table says", {
    skipWithoutPython()
    same(anndataRows())
})

test_that("what cannot be carried is refused as the table says", {
    skipWithoutPython()
    same(refusalRows())
})

test_that("every row of the table is identical or a named error", {
    expect_match(readRoundTrips()$result, "^(identical|error: expected .*)$")
})

test_that("sparse layers by columns come back by rows, the same values", {
    skipWithoutPython()
    adata <- asAnnData(generatedExperiment(7, "none", 1))
    adata$uns <- without(adata, "r_object")
    back <- asAnnData(asExperiment(adata))
    formats <- vapply(list(adata, back), function(a) {
        py_to_r(bridge()$get(a, "layers", "rows")$format)
    }, "")
    expect_identical(formats, c("csc", "csr"))
    values <- lapply(list(adata, back), function(a) {
        py_to_r(bridge()$get(a, "layers", "rows")$toarray())
    })
    expect_identical(values[[1]], values[[2]])
})
