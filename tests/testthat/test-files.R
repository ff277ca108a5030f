test_that("an experiment comes back from its file", {
    skipWithoutPython()
    x <- richSpe()
    S4Vectors::metadata(x)[["a/b"]] <- NULL
    x$when <- as.Date(c("2024-02-29", NA))[c(1, 2, 1, 1, 1, 1, 1, 1, 1)]
    x$moment <- as.POSIXct(1:9 * 1e8 + 0.5, tz = "Europe/Berlin")
    x$text <- c("a", NA, letters[3:9])
    path <- writeH5AD(x, tempfile(fileext = ".h5ad"))
    y <- readH5AD(path)
    for (part in c("colData", "rowData", "spatialCoords", "imgData")) {
        expect_identical(get(part)(y), get(part)(x), info = part)
    }
    expect_identical(as.list(assays(y)), as.list(assays(x)))
    expect_identical(as.list(reducedDims(y)), as.list(reducedDims(x)))
    expect_identical(
        SummarizedExperiment::rowRanges(y), SummarizedExperiment::rowRanges(x)
    )
    expect_identical(altExp(y, "ADT"), altExp(x, "ADT"))
    expect_identical(
        as.list(SingleCellExperiment::colPairs(y)),
        as.list(SingleCellExperiment::colPairs(x))
    )
    expect_identical(S4Vectors::metadata(y), S4Vectors::metadata(x))
})

test_that("scanpy reads the file, with images as pixels on request", {
    skipWithoutPython()
    x <- toySpe()
    path <- writeH5AD(x, tempfile(fileext = ".h5ad"), images = "pixels")
    adata <- reticulate::import("scanpy", convert = FALSE)$read_h5ad(path)
    spatial <- py_to_r(adata$uns[["spatial"]])
    expect_identical(dim(spatial$a$images$hires)[3], 3L)
    expect_identical(spatial$a$scalefactors$tissue_hires_scalef, 0.5)
    expect_equal(
        py_to_r(bridge()$get(adata, "obsm", "spatial")),
        unname(spatialCoords(x))
    )
    expect_equal(
        py_to_r(adata$X$toarray()), unname(t(as.matrix(assay(x))))
    )
})

test_that("a file that is not there, and a key that HDF5 has no place for", {
    skipWithoutPython()
    expect_error(readH5AD(tempfile()), "expected an h5ad file; found no file")
    x <- toySpe()
    S4Vectors::metadata(x) <- list(`a/b` = 1)
    expect_error(
        writeH5AD(x, tempfile()), "keys of uns without slash; found 'a/b'"
    )
})
