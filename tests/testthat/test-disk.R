# Every layout in which HDF5Array keeps a matrix, in one file each.
diskMatrices <- function() {
    counts <- unname(toyCounts(20, 30))
    file <- function() tempfile(fileext = ".h5")
    h5ad <- writeH5AD(
        SingleCellExperiment(list(
            counts = toyCounts(20, 30),
            byRow = as(toyCounts(20, 30), "RsparseMatrix"),
            dense = as.matrix(toyCounts(20, 30))
        )),
        tempfile(fileext = ".h5ad")
    )
    whole <- as.matrix(counts)
    integers <- whole
    storage.mode(integers) <- "integer"
    list(
        dense = HDF5Array::writeHDF5Array(whole, file(), "dense"),
        integer = HDF5Array::writeHDF5Array(integers, file(), "integer"),
        logical = HDF5Array::writeHDF5Array(whole > 2, file(), "logical"),
        flagged = HDF5Array::writeHDF5Array(
            whole, file(), "flagged",
            as.sparse = TRUE
        ),
        tenx = HDF5Array::writeTENxMatrix(counts, file(), "matrix"),
        columns = HDF5Array::H5SparseMatrix(h5ad, "/X"),
        rows = HDF5Array::H5SparseMatrix(h5ad, "/layers/byRow"),
        h5ad = HDF5Array::H5ADMatrix(h5ad),
        layer = HDF5Array::H5ADMatrix(h5ad, "byRow"),
        denseLayer = HDF5Array::H5ADMatrix(h5ad, "dense"),
        flipped = DelayedArray::DelayedArray(HDF5Array::H5SparseMatrixSeed(
            h5ad, "/X",
            dim = c(30L, 20L), sparse.layout = "CSR"
        ))
    )
}

asSce <- function(m) {
    dimnames <- list(
        paste0("gene_", seq_len(nrow(m))), paste0("s", seq_len(ncol(m)))
    )
    x <- SingleCellExperiment(list(counts = unname(m), other = unname(m)))
    dimnames(x) <- dimnames
    x
}

stored <- function(x, name = "counts") {
    DelayedArray::seed(assay(x, name, withDimnames = FALSE))
}

# Bytes that a call adds at most to what the process holds.
growth <- function(code) {
    skip_if_not(file.exists("/proc/self/clear_refs"), "no /proc")
    status <- function(key) {
        line <- grep(key, readLines("/proc/self/status"), value = TRUE)
        as.numeric(gsub("[^0-9]", "", line)) * 1024
    }
    gc()
    cat("5", file = "/proc/self/clear_refs")
    before <- status("VmRSS")
    force(code)
    status("VmHWM") - before
}

test_that("a matrix on disk stays there, in both directions", {
    skipWithoutPython()
    skip_if_not_installed("HDF5Array")
    for (name in names(found <- diskMatrices())) {
        m <- found[[name]]
        x <- asSce(m)
        assay(x, "counts", withDimnames = FALSE) <- m
        adata <- asAnnData(x)
        for (python in list(adata$X, adata$layers[["other"]])) {
            kind <- py_to_r(bridge()$matrix_kind(python))
            expect_identical(kind, "disk", info = name)
            at <- py_to_r(bridge()$disk_place(python))
            expect_identical(at$path, DelayedArray::path(m), info = name)
            expect_identical(unlist(at$shape), rev(dim(m)), info = name)
        }
        y <- asExperiment(adata, "SingleCellExperiment")
        expect_identical(stored(y), stored(x), info = name)
        expect_identical(
            class(assay(y, withDimnames = FALSE)), class(m),
            info = name
        )
        expect_equal(as.matrix(assay(y)), as.matrix(assay(x)), info = name)
        values <- adata$to_memory()$X
        expect_equal(asRows(values), dense(m), info = name)
    }
})

test_that("AnnData slices a matrix on disk by spots and genes", {
    skipWithoutPython()
    skip_if_not_installed("HDF5Array")
    slice <- reticulate::py_run_string(
        "def slice(adata): return adata[3:8, [1, 4, 9]].X",
        local = TRUE, convert = FALSE
    )$slice
    for (name in names(found <- diskMatrices())) {
        m <- found[[name]]
        expect_equal(
            asRows(slice(asAnnData(asSce(m)))), dense(m[c(2, 5, 10), 4:8]),
            info = name
        )
    }
})

test_that("other delayed matrices arrive sparse, with all their values", {
    skipWithoutPython()
    skip_if_not_installed("HDF5Array")
    found <- diskMatrices()
    delayed <- list(
        subset = found$dense[, 3:20], reordered = found$tenx[5:1, ],
        transposed = t(found$dense), sparse = t(found$tenx),
        doubled = found$integer * 2, shifted = found$tenx + 1,
        joined = DelayedArray::cbind(found$dense, found$tenx),
        logical = !found$logical,
        memory = DelayedArray::DelayedArray(toyCounts()),
        missing = DelayedArray::DelayedArray(matrix(c(NA, 0L, 2L), 1)) * 1L
    )
    for (name in names(delayed)) {
        m <- delayed[[name]]
        python <- toMatrix(m)
        expect_identical(
            class(python)[1], "scipy.sparse._csr.csr_matrix",
            info = name
        )
        expect_equal(asRows(python), dense(m), info = name)
    }
    logical <- toMatrix(delayed$logical)
    expect_identical(py_to_r(logical$dtype$name), "bool")
})

# A matrix that remembers the largest part of it that was ever asked for.
setClass("WatchedSeed", contains = "Array", slots = c(
    m = "matrix", log = "environment"
))
setMethod("dim", "WatchedSeed", function(x) dim(x@m))
setMethod(
    DelayedArray::extract_array, "WatchedSeed",
    function(x, index) {
        part <- DelayedArray::extract_array(x@m, index)
        x@log$largest <- max(x@log$largest, length(part))
        part
    }
)

test_that("a delayed matrix is read by blocks, never as a whole", {
    skipWithoutPython()
    skip_if_not_installed("DelayedArray")
    before <- DelayedArray::getAutoBlockSize()
    suppressMessages(DelayedArray::setAutoBlockSize(8000))
    on.exit(suppressMessages(DelayedArray::setAutoBlockSize(before)))
    log <- list2env(list(largest = 0))
    m <- as.matrix(toyCounts(50, 400))
    watched <- DelayedArray::DelayedArray(
        new("WatchedSeed", m = unname(m), log = log)
    )
    expect_equal(asRows(toMatrix(watched)), dense(m))
    expect_identical(log$largest, 1000)
})

test_that("memory grows by the values that are not zero", {
    skipWithoutPython()
    skip_if_not_installed("HDF5Array")
    big <- Matrix::rsparsematrix(20000, 3000, 0.005)
    stored <- HDF5Array::writeTENxMatrix(big, tempfile(fileext = ".h5"))
    toMatrix(stored[, 1:2])
    whole <- prod(dim(big)) * 8
    expect_lt(growth(toMatrix(stored)), whole / 50)
    expect_lt(growth(toMatrix(stored[, -1])), whole / 4)
})

test_that("verbs read counts on disk, and find the same", {
    skipWithoutPython()
    skip_if_not_installed("HDF5Array")
    x <- exampleBulb("Rep4")
    x <- x[seq_len(100), seq_len(60)]
    onDisk <- list(
        dense = HDF5Array::writeHDF5Array(as.matrix(unname(counts(x)))),
        sparse = HDF5Array::writeTENxMatrix(unname(counts(x)))
    )
    expected <- findDomains(x, k = 3)$domain
    for (name in names(onDisk)) {
        y <- x
        assay(y, "counts", withDimnames = FALSE) <- onDisk[[name]]
        found <- findDomains(y, k = 3)
        expect_identical(found$domain, expected, info = name)
        expect_identical(
            assay(found, withDimnames = FALSE), onDisk[[name]],
            info = name
        )
    }
})

test_that("counts on disk with missing or negative values are refused", {
    skipWithoutPython()
    skip_if_not_installed("HDF5Array")
    x <- exampleMixture()[, 1:20]
    bad <- as.matrix(unname(counts(x)))
    bad[3, 4] <- NA
    for (mode in c("integer", "double")) {
        storage.mode(bad) <- mode
        assay(x, "counts", withDimnames = FALSE) <-
            HDF5Array::writeHDF5Array(bad)
        expect_error(
            findDomains(x, k = 2), "expected (finite|non-negative) counts"
        )
    }
})

test_that("a file can be read, and written, with its assays left on disk", {
    skipWithoutPython()
    skip_if_not_installed("HDF5Array")
    x <- richSpe()
    S4Vectors::metadata(x)[["a/b"]] <- NULL
    path <- writeH5AD(x, tempfile(fileext = ".h5ad"))
    y <- readH5AD(path, backed = TRUE)
    expect_identical(stored(y)@filepath, path)
    # HDF5Array cannot read the truth values of h5py.
    expect_true(is.matrix(assay(y, "flags")))
    for (name in SummarizedExperiment::assayNames(x)) {
        expect_equal(as.matrix(assay(y, name)), as.matrix(assay(x, name)))
    }
    expect_identical(colData(y), colData(x))
    expect_identical(altExp(y, "ADT"), altExp(x, "ADT"))
    again <- writeH5AD(y, tempfile(fileext = ".h5ad"))
    z <- readH5AD(again)
    expect_equal(as.matrix(assay(z)), as.matrix(assay(x)))
    expect_identical(as.list(reducedDims(z)), as.list(reducedDims(x)))
    expect_error(
        writeH5AD(y, path),
        "a file other than the one that X is read from"
    )
    expect_identical(readH5AD(path), readH5AD(path))
    expect_error(readH5AD(path, "Seurat", backed = TRUE), "backed = FALSE")
})

test_that("matrices on disk of every layout go into an h5ad file", {
    skipWithoutPython()
    skip_if_not_installed("HDF5Array")
    scanpy <- reticulate::import("scanpy", convert = FALSE)
    for (name in names(found <- diskMatrices())) {
        m <- found[[name]]
        path <- writeH5AD(asSce(m), tempfile(fileext = ".h5ad"))
        adata <- scanpy$read_h5ad(path)
        expect_equal(asRows(adata$X), dense(m), info = name)
        expect_equal(asRows(adata$layers[["other"]]), dense(m), info = name)
    }
})

test_that("a SpatialData store becomes an experiment", {
    skipWithoutPython()
    skip_if_not(reticulate::py_module_available("spatialdata"))
    path <- tempfile(fileext = ".zarr")
    reticulate::py_run_string("
import anndata, numpy, pandas, spatialdata
from spatialdata.models import ShapesModel, TableModel
def write(path):
    points = numpy.arange(6.0).reshape(3, 2)
    shapes = ShapesModel.parse(points, geometry=0, radius=1.0)
    obs = pandas.DataFrame({'where': ['disc'] * 3, 'id': range(3)})
    obs['where'] = obs['where'].astype('category')
    obs.index = obs.index.astype(str)
    table = TableModel.parse(
        anndata.AnnData(numpy.eye(3, 4), obs=obs), region='disc',
        region_key='where', instance_key='id')
    spatialdata.SpatialData.init_from_elements(
        {'disc': shapes, 'table': table}).write(path)
", convert = FALSE)
    reticulate::import_main(convert = FALSE)$write(path)
    x <- readSpatialData(path)
    expect_s4_class(x, "SpatialExperiment")
    expect_identical(unname(spatialCoords(x)), matrix(0:5 + 0, 3, byrow = TRUE))
    expect_identical(as.character(x$sample_id), rep("disc", 3))
    expect_identical(unname(assay(x)), diag(1, 4, 3))
    expect_error(readSpatialData(path, "none"), "available: table")
})
