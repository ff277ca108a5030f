test_that("every class of matrix arrives as spots x genes", {
    skipWithoutPython()
    counts <- toyCounts()
    square <- Matrix::forceSymmetric(Matrix::tcrossprod(counts))
    matrices <- list(
        dgC = counts, dgR = as(counts, "RsparseMatrix"),
        dgT = as(counts, "TsparseMatrix"), symmetric = square,
        diagonal = Matrix::Diagonal(3), logical = counts > 2,
        pattern = as(counts, "nMatrix"), dense = as.matrix(counts),
        integer = matrix(1:6, 2), flags = matrix(c(TRUE, FALSE), 1),
        dge = as(counts, "unpackedMatrix"), no_spots = counts[, 0],
        no_genes = counts[0, ], one_spot = counts[, 1, drop = FALSE],
        one_gene = counts[1, , drop = FALSE], neither = matrix(0, 0, 0)
    )
    for (name in names(matrices)) {
        m <- matrices[[name]]
        expect_equal(asRows(toMatrix(m)), dense(m), info = name)
    }
})

test_that("missing values of integers and logicals stay missing", {
    skipWithoutPython()
    m <- matrix(c(1L, NA, 3L, 4L), 2)
    expect_identical(asRows(toMatrix(m)), t(m) + 0)
    m <- matrix(c(TRUE, NA), 1)
    expect_identical(asRows(toMatrix(m)), t(m) + 0)
})

test_that("a delayed matrix stays sparse on its way", {
    skipWithoutPython()
    skip_if_not_installed("DelayedArray")
    counts <- toyCounts()
    delayed <- DelayedArray::DelayedArray(counts) * 2
    python <- toMatrix(delayed)
    expect_identical(class(python)[1], "scipy.sparse._csr.csr_matrix")
    expect_equal(asRows(python), dense(counts * 2))
})

test_that("a dgCMatrix shares its memory and outlives its R name", {
    skipWithoutPython()
    m <- toyCounts(50, 400)
    holder <- new.env()
    holder$v <- m@x
    view <- bridge()$share(holder, "v")
    skip_if(inherits(view, "python.builtin.NoneType"), "memory not shared here")
    again <- bridge()$share(holder, "v")
    address <- function(a) reticulate::py_to_r(a$ctypes$data)
    expect_identical(address(view), address(again))
    expected <- dense(m)
    python <- toMatrix(m)
    rm(m, holder, view, again)
    for (i in 1:3) {
        gc()
        numeric(1e6)
    }
    expect_equal(asRows(python), expected)
})

test_that("Python cannot write into R's memory", {
    skipWithoutPython()
    whole <- as.matrix(toyCounts())
    storage.mode(whole) <- "integer"
    for (counts in list(toyCounts(), whole + 0, whole)) {
        before <- counts + 0L
        x <- SingleCellExperiment::SingleCellExperiment(
            list(counts = counts, other = counts)
        )
        SingleCellExperiment::reducedDim(x, "P") <- matrix(1:18 / 2, 9)
        adata <- asAnnData(x)
        reticulate::py_run_string(paste(
            "def spoil(a):", "    a[0] = 99", "def values(m):",
            "    return getattr(m, 'data', m) if hasattr(m, 'tocsr') else m",
            sep = "\n"
        ), convert = FALSE)
        main <- reticulate::import_main(convert = FALSE)
        for (part in list(
            adata$X, bridge()$read(adata, "layers", "other"),
            bridge()$read(adata, "obsm", "P")
        )) {
            expect_error(main$spoil(main$values(part)), "read-only")
        }
        expect_equal(counts, before)
    }
})

test_that("a result of every form comes back with its names", {
    skipWithoutPython()
    counts <- toyCounts()
    parts <- lapply(pyItems(bridge()$matrix_parts(toMatrix(counts))), py_to_r)
    back <- fromMatrix(parts, colnames(counts), rownames(counts))
    expect_identical(back, counts)
})

test_that("where memory cannot be shared, a copy arrives", {
    skipWithoutPython()
    local_mocked_bindings(shared = function(v) vector1d(v))
    counts <- toyCounts()
    expect_equal(asRows(toMatrix(counts)), dense(counts))
    image <- toImage(SpatialImage(toyRaster()))
    expect_identical(dim(py_to_r(image)), c(4L, 6L, 3L))
    expect_identical(py_to_r(image)[1, 1, ], c(255L, 0L, 0L))
})

test_that("the route of memory is told, and both give the same", {
    skipWithoutPython()
    expect_true(bridgeRoute() %in% c("shared", "copied"))
    x <- SingleCellExperiment::SingleCellExperiment(
        list(counts = toyCounts(), dense = as.matrix(toyCounts()))
    )
    adata <- asAnnData(x)
    expected <- asExperiment(adata, "SingleCellExperiment")
    python <- bridge()
    without <- new.env()
    never <- reticulate::py_eval("lambda *a: False", convert = FALSE)
    fake <- structure(list(), class = "withoutMemory")
    registerS3method("$", "withoutMemory", function(x, name) {
        found <- get0(name, without, inherits = FALSE)
        if (is.null(found)) reticulate::py_get_attr(python, name) else found
    })
    local_mocked_bindings(bridge = function() fake)
    for (name in c("allocate", "fill")) {
        without[[name]] <- never
        expect_identical(
            asExperiment(adata, "SingleCellExperiment"), expected
        )
    }
    without$share <- reticulate::py_eval("lambda *a: None", convert = FALSE)
    expect_identical(bridgeRoute(), "copied")
})

test_that("R allocates itself where its limit of memory is near", {
    skipWithoutPython()
    holder <- new.env(parent = emptyenv())
    room <- function(bytes) {
        py_to_r(bridge()$allocate(holder, "v", "double", 5L, bytes))
    }
    expect_false(room(1))
    expect_null(holder$v)
    skip_if(Sys.info()[["sysname"]] != "Linux")
    expect_true(room(Inf))
    expect_identical(c(typeof(holder$v), length(holder$v)), c("double", "5"))
})

test_that("a dense table of pairs becomes colPairs", {
    skipWithoutPython()
    ad <- reticulate::import("anndata", convert = FALSE)
    np <- reticulate::import("numpy", convert = FALSE)
    adata <- ad$AnnData(np$ones(c(3L, 2L)))
    adata$obsp["distances"] <- np$array(
        rbind(c(0, 2, 0), c(0, 0, 0), c(4, 0, 0))
    )
    hits <- SingleCellExperiment::colPair(
        asExperiment(adata, "SingleCellExperiment"), "distances"
    )
    expect_identical(S4Vectors::from(hits), c(1L, 3L))
    expect_identical(S4Vectors::to(hits), c(2L, 1L))
    expect_identical(S4Vectors::mcols(hits)$x, c(2, 4))
})

test_that("a sparse matrix with positions outside of it does not reach R", {
    skipWithoutPython()
    adata <- asAnnData(SingleCellExperiment::SingleCellExperiment(
        list(counts = toyCounts())
    ))
    broken <- reticulate::py_run_string(paste(
        "import scipy.sparse as sp",
        "wide = sp.eye(4).tocsr(); wide.indices[2] = 4",
        "below = sp.eye(4).tocsc(); below.indices[0] = -1",
        "falls = sp.eye(4).tocsr(); falls.indptr[1] = 3",
        "short = sp.eye(4).tocsr(); short.indptr = short.indptr[:3]",
        sep = "\n"
    ), local = TRUE, convert = FALSE)
    for (name in c("wide", "below", "falls", "short")) {
        expect_error(fromSpots(broken[[name]]), "positions outside of it")
    }
})

test_that("a dense matrix is copied once on its way to R", {
    skipWithoutPython()
    skip_if(file.access("/proc/self/clear_refs", 2) != 0)
    held <- function(key) {
        line <- grep(key, readLines("/proc/self/status"), value = TRUE)
        as.numeric(gsub("[^0-9]", "", line)) * 1024
    }
    np <- reticulate::import("numpy", convert = FALSE)
    value <- np$ones(c(1000L, 10000L))
    invisible(fromSpots(np$ones(c(2L, 3L))))
    gc()
    cat("5", file = "/proc/self/clear_refs")
    before <- held("VmRSS")
    m <- fromSpots(value)
    expect_identical(dim(m), c(10000L, 1000L))
    expect_lt(held("VmHWM") - before, 1.5 * 8e7)
})
