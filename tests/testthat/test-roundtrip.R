# There and back: every part is identical.
back <- function(x, class = "SpatialExperiment") {
    asExperiment(asAnnData(x), class)
}

parts <- list(
    assays = function(x) as.list(assays(x)),
    colData = colData, rowData = function(x) rowData(x),
    rowRanges = function(x) SummarizedExperiment::rowRanges(x),
    reducedDims = function(x) as.list(reducedDims(x)),
    colPairs = function(x) as.list(SingleCellExperiment::colPairs(x)),
    rowPairs = function(x) as.list(SingleCellExperiment::rowPairs(x)),
    altExpNames = altExpNames,
    ADT = function(x) altExp(x, "ADT"), own = function(x) altExp(x, "own"),
    mainExpName = SingleCellExperiment::mainExpName,
    metadata = function(x) S4Vectors::metadata(x),
    spatialCoords = spatialCoords, imgData = imgData
)

test_that("a rich experiment comes back", {
    skipWithoutPython()
    x <- richSpe()
    y <- back(x)
    for (part in names(parts)) {
        expect_identical(parts[[part]](y), parts[[part]](x), info = part)
    }
})

test_that("every column type x missing values comes back, in both tables", {
    skipWithoutPython()
    types <- list(
        logical = c(TRUE, FALSE, TRUE), integer = c(1L, -2L, 3L),
        double = c(0.5, -Inf, NaN), character = c("a", "", "NA"),
        factor = factor(c("b", "a", "b"), c("b", "a", "unused")),
        ordered = factor(c("l", "h", "l"), c("l", "h"), ordered = TRUE),
        date = as.Date(c("1969-12-31", "2024-02-29", "2100-01-01")),
        time = as.POSIXct(c(-1.5, 0, 1.7e9), tz = "Europe/Berlin"),
        here = as.POSIXct(c(1, 2, 3)),
            bare = .POSIXct(c(1, 2, 3)), rle = S4Vectors::Rle(c(1L, 1L, 2L))
    )
    for (rows in list(1:3, 1L, integer())) {
        for (gone in list(integer(), 2L, 1:3)) {
            columns <- lapply(types, function(v) {
                v[gone] <- NA
                v[rows]
            })
            table <- S4Vectors::DataFrame(columns, check.names = FALSE)
            counts <- toyCounts(3, 3)[rows, rows, drop = FALSE]
            rownames(table) <- rownames(counts)
            x <- SingleCellExperiment(
                list(counts = counts), rowData = table
            )
            rownames(table) <- colnames(counts)
            colData(x) <- table
            y <- back(x, "SingleCellExperiment")
            expect_identical(colData(y), colData(x))
            expect_identical(rowData(y), rowData(x))
        }
    }
})

test_that("every class of matrix comes back, without rows or columns too", {
    skipWithoutPython()
    counts <- toyCounts()
    na <- counts
    na@x[1:2] <- c(NA, NaN)
    flags <- counts > 2
    flags@x[1] <- NA
    whole <- as.matrix(counts)
    storage.mode(whole) <- "integer"
    gaps <- whole
    gaps[2] <- NA
    classes <- list(
        dgC = counts, dgCna = na, dgR = as(counts, "RsparseMatrix"),
        dgT = as(counts, "TsparseMatrix"), lgC = counts > 2, lgCna = flags,
        lgR = as(counts > 2, "RsparseMatrix"), ngC = as(counts, "nMatrix"),
        ngR = as(as(counts, "nMatrix"), "RsparseMatrix"),
        dge = as(counts, "unpackedMatrix"), double = whole + 0.5,
        integer = whole, integerNa = gaps, logical = whole > 2,
        logicalNa = gaps > 2
    )
    shapes <- list(list(1:6, 1:9), list(0, 1:9), list(1:6, 0), list(1, 1))
    for (shape in shapes) {
        cut <- lapply(classes, function(m) {
            m[shape[[1]], shape[[2]], drop = FALSE]
        })
        x <- SingleCellExperiment(c(list(counts = cut$dgC), cut))
        y <- back(x, "SingleCellExperiment")
        expect_identical(assayNames(y), assayNames(x))
        for (name in assayNames(x)) {
            expect_identical(assay(y, name), assay(x, name), info = name)
        }
    }
    square <- Matrix::forceSymmetric(Matrix::tcrossprod(counts))
    dimnames(square) <- rep(list(rownames(counts)), 2)
    x <- SingleCellExperiment(list(
        counts = square, diagonal = Matrix::Diagonal(6)
    ))
    colnames(x) <- rownames(counts)
    y <- back(x, "SingleCellExperiment")
    expect_identical(class(assay(y)), class(assay(x)))
    expect_equal(assay(y), assay(x))
    expect_equal(assay(y, 2), assay(x, 2))
})

test_that("no, one and several samples and images", {
    skipWithoutPython()
    x <- toySpe()
    none <- x
    imgData(none) <- NULL
    for (x in list(x, none, x[, 1:3], x[, 7:9], x[, 0], x[0, ])) {
        y <- back(x)
        for (part in c("assays", "colData", "spatialCoords", "imgData")) {
            expect_identical(parts[[part]](y), parts[[part]](x), info = part)
        }
    }
})

test_that("loaded images come back bit for bit, with alpha and in any case", {
    skipWithoutPython()
    solid <- toyRaster()
    lower <- structure(tolower(solid), dim = dim(solid), class = "raster")
    clear <- structure(
        paste0(solid, sprintf("%02X", 1:24)),
        dim = dim(solid), class = "raster"
    )
    x <- toySpe()
    imgData(x) <- S4Vectors::DataFrame(
        sample_id = "a", image_id = c("solid", "lower", "clear"),
        data = I(lapply(list(solid, lower, clear), SpatialImage)),
        scaleFactor = 1:3 / 4
    )
    expect_identical(imgData(back(x)), imgData(x))
})

test_that("what cannot be carried is named, or reported", {
    skipWithoutPython()
    x <- richSpe()
    S4Vectors::metadata(x)$model <- list(fit = sum, k = 1)
    expect_error(
        asAnnData(x), "found metadata$model$fit (class ",
        fixed = TRUE
    )
    S4Vectors::metadata(x)$spatial <- 1
    x$listed <- as.list(1:9)
    S4Vectors::mcols(colData(x)) <- S4Vectors::DataFrame(
        note = letters[seq_along(colData(x))]
    )
    hits <- S4Vectors::SelfHits(c(1, 1), c(2, 2), 9)
    SingleCellExperiment::colPair(x, "twice") <- hits
    adata <- asAnnData(x, strict = FALSE)
    expect_setequal(leftOut(adata), c(
        "metadata entry \"spatial\"",
        "metadata$model$fit (class function)", "mcols(colData)",
        "colPair twice (repeated edges or columns of objects)",
        "column listed of colData"
    ))
    expect_identical(
        S4Vectors::metadata(asExperiment(adata))$model, list(k = 1)
    )
    expect_identical(leftOut(asAnnData(richSpe())), character())
})

test_that("an AnnData that R never saw becomes an experiment", {
    skipWithoutPython()
    reticulate::py_run_string(paste(
        "import anndata, numpy as np, pandas as pd, scipy.sparse as sp",
        "foreign = anndata.AnnData(",
        "    sp.csc_matrix(np.arange(12, dtype='float32').reshape(4, 3)),",
        "    obs=pd.DataFrame({'n': np.arange(4)}, index=list('abcd')))",
        "foreign.layers['raw'] = np.arange(12).reshape(4, 3)",
        "foreign.obsm['X_pca'] = np.ones((4, 2), dtype='float32')",
        "foreign.obsm['spatial'] = np.arange(8).reshape(4, 2)",
        "foreign.varm['PCs'] = np.ones((3, 2))",
        "foreign.obsp['distances'] = sp.eye(4).tocsr()",
        "foreign.uns['pca'] = {'variance': np.ones(2, 'float32'), 'n': 2}",
        "foreign.uns['markers'] = np.rec.fromarrays(",
        "    [['x', 'y'], ['z', 'w']], names=['one', 'two'])",
        "foreign.uns['odd'] = object()",
        sep = "\n"
    ), convert = FALSE)
    adata <- reticulate::import_main(convert = FALSE)$foreign
    expect_error(
        asExperiment(adata),
        "found uns[\"odd\"] (an object of class object)",
        fixed = TRUE
    )
    x <- asExperiment(adata, strict = FALSE)
    expect_s4_class(assay(x, "X"), "dgCMatrix")
    expect_identical(dim(x), 3:4)
    expect_identical(
        assay(x, "raw"),
        matrix(0:11, 3, dimnames = list(c("0", "1", "2"), letters[1:4]))
    )
    expect_identical(
        spatialCoords(x)[2, ], c(x = 2, y = 3)
    )
    expect_identical(x$n, 0:3)
    expect_identical(reducedDimNames(x), "X_pca")
    expect_identical(
        length(SingleCellExperiment::colPair(x, "distances")), 4L
    )
    expect_identical(dim(S4Vectors::metadata(x)$varm$PCs), 3:2)
    expect_identical(S4Vectors::metadata(x)$pca$n, 2L)
    expect_identical(
        S4Vectors::metadata(x)$markers$two, c("z", "w")
    )
    expect_error(
        asExperiment(adata, "SingleCellExperiment"), "obsm[\"spatial\"]",
        fixed = TRUE
    )
    expect_error(asExperiment(list()), "expected a Python AnnData")
    expect_error(
        asSeurat(exampleMixture()), "to fix: asSeurat(asAnnData(x))", fixed = TRUE
    )
})

test_that("the example objects come back whole", {
    skipWithoutPython()
    for (x in list(exampleBulb(), exampleMixture())) {
        y <- back(x)
        for (part in setdiff(names(parts), "ADT")) {
            if (part != "own") {
                expect_identical(parts[[part]](y), parts[[part]](x), info = part)
            }
        }
        expect_equal(altExps(y), altExps(x))
    }
    x <- exampleReference()
    expect_equal(back(x, "SingleCellExperiment"), x)
})

test_that("assays, slots and columns that only R knows are named", {
    skipWithoutPython()
    x <- toySpe()
    assay(x, "letters", withDimnames = FALSE) <- matrix("a", 6, 9)
    altExp(x, "tags") <- SummarizedExperiment::SummarizedExperiment(
        toyCounts(3)
    )
    imgData(x) <- rbind(imgData(x), imgData(x)[2, ])
    SingleCellExperiment::int_colData(x)$own <- 1:9
    x$day <- as.Date(c(Inf, 1:8))
    named <- c(
        "repeated image b detail", "assay letters", "internal column own",
        "assay 1 of altExp tags"
    )
    expect_error(asAnnData(x), toString(named), fixed = TRUE)
    adata <- asAnnData(x, strict = FALSE)
    expect_identical(leftOut(adata), c(named, "column day of colData"))
    expect_length(assays(asExperiment(adata)), 1)
    cube <- SummarizedExperiment::SummarizedExperiment(list(
        counts = toyCounts(), cube = array(1:108, c(6, 9, 2))
    ))
    expect_identical(leftOut(asAnnData(cube, strict = FALSE)), "assay cube")
})

test_that("tables of metadata keep numbers of rows, and notes are named", {
    skipWithoutPython()
    x <- toySpe()
    table <- data.frame(p = c(0.1, 0.2, 0.3))
    S4Vectors::metadata(x)$cut <- table[c(3, 1), , drop = FALSE]
    expect_identical(S4Vectors::metadata(back(x)), S4Vectors::metadata(x))
    fit <- S4Vectors::DataFrame(bio = 1:2)
    S4Vectors::metadata(fit)$trend <- sum
    S4Vectors::metadata(x)$variances <- fit
    S4Vectors::metadata(x)$omitted <- stats::na.omit(data.frame(a = c(1, NA)))
    expect_identical(leftOut(asAnnData(x, strict = FALSE)), c(
        "metadata$variances (class DFrame)",
        "metadata$omitted (class data.frame)"
    ))
})
