# A verb that writes one result of every form, so that graft() is tested
# without any model.
reticulateVerb <- "
import numpy as np, pandas as pd
def every_form(adata, key_added='made', settings=None):
    n = adata.n_obs
    adata.obs[key_added] = pd.Categorical(['b', 'a', None] * (n // 3))
    adata.obs[key_added + '_score'] = np.arange(n, dtype='float32')
    adata.obs[key_added + '_n'] = pd.array([1, None, 3] * (n // 3), 'Int64')
    adata.obsm[key_added + '_dims'] = np.arange(2 * n).reshape(n, 2)
    adata.obsm[key_added + '_table'] = pd.DataFrame(
        {'T_1': np.arange(n) / 2, 'B/2': np.nan}, index=adata.obs_names)
    adata.layers[key_added + '_sparse'] = adata.X * 2
    adata.layers[key_added + '_dense'] = adata.X.toarray() + 0.5
    adata.uns['histobridge'] = {**adata.uns.get('histobridge', {}),
        key_added: {'k': 2, 'why': None},
        key_added + '_dims': {'columns': ['one', 'two']}}
"

runEveryForm <- function(x, name = "made") {
    reticulate::py_run_string(reticulateVerb, convert = FALSE)
    fun <- reticulate::import_main(convert = FALSE)$every_form
    x <- forget(x, name)
    adata <- asAnnData(x, parts = verbParts, strict = FALSE)
    before <- keysOf(adata)
    callPython(fun, adata, keyAdded = name)
    graft(x, adata, before, name)
}

test_that("every form of result lands in its slot", {
    skipWithoutPython()
    x <- toySpe()
    y <- runEveryForm(x)
    expect_identical(y$made, factor(rep(c("b", "a", NA), 3)))
    expect_identical(y$made_score, as.double(0:8))
    expect_identical(y$made_n, rep(c(1L, NA, 3L), 3))
    expect_identical(
        reducedDim(y, "made_dims"),
        matrix(as.double(0:17), 9,
            byrow = TRUE,
            dimnames = list(colnames(x), c("one", "two"))
        )
    )
    table <- altExp(y, "made_table")
    expect_identical(assayNames(table), "made_table")
    expect_identical(rownames(table), c("T_1", "B/2"))
    expect_identical(
        assay(table)["T_1", ], stats::setNames(0:8 / 2, colnames(x))
    )
    expect_true(all(is.nan(assay(table)["B/2", ])))
    expect_identical(assay(y, "made_sparse"), assay(x) * 2)
    expect_equal(assay(y, "made_dense"), as.matrix(assay(x)) + 0.5)
    expect_identical(metadata(y)$HistoBridge$made$k, 2L)
})

test_that("nothing of the original changes", {
    skipWithoutPython()
    x <- toySpe()
    metadata(x)$mine <- list(a = 1)
    reducedDim(x, "PCA") <- matrix(1:18 + 0, 9)
    altExp(x, "other") <- SummarizedExperiment::SummarizedExperiment(
        list(counts = toyCounts(2))
    )
    rowData(x)$symbol <- letters[1:6]
    x$odd <- as.list(1:9)
    y <- runEveryForm(x)
    for (column in names(colData(x))) {
        expect_identical(y[[column]], x[[column]])
    }
    expect_identical(assay(y, "counts"), assay(x, "counts"))
    expect_identical(rowData(y), rowData(x))
    expect_identical(spatialCoords(y), spatialCoords(x))
    expect_identical(imgData(y), imgData(x))
    expect_identical(reducedDim(y, "PCA"), reducedDim(x, "PCA"))
    expect_identical(altExp(y, "other"), altExp(x, "other"))
    expect_identical(metadata(y)$mine, metadata(x)$mine)
    expect_identical(forget(y, "made"), x)
})

test_that("a second call replaces its own results only", {
    skipWithoutPython()
    x <- toySpe()
    once <- runEveryForm(x)
    expect_identical(runEveryForm(once), once)
    x$made <- "mine"
    expect_error(
        runEveryForm(x),
        "found \"made\" that HistoBridge did not write",
        fixed = TRUE
    )
    x$made <- NULL
    reducedDim(x, "made") <- matrix(0, 9, 1)
    expect_error(runEveryForm(x), "choose another name")
})

test_that("results go back to Python as they came", {
    skipWithoutPython()
    y <- runEveryForm(toySpe())
    adata <- asAnnData(y, strict = FALSE)
    table <- bridge()$read(adata, "obsm", "made_table")
    expect_s3_class(table, "pandas.core.frame.DataFrame")
    expect_identical(names(fromFrame(table)), c("T_1", "B/2"))
    expect_identical(
        unname(fromFrame(table)[["T_1"]]),
        unname(assay(altExp(y, "made_table"))["T_1", ])
    )
    expect_equal(
        pull(adata, "obsm", "made_dims"), unname(reducedDim(y, "made_dims"))
    )
    expect_identical(pull(adata, "uns", "made")$k, 2L)
    one <- toSettings(list(columns = "one", k = 2L))
    expect_s3_class(one$get("columns"), "python.builtin.list")
    expect_s3_class(one$get("k"), "python.builtin.int")
})

test_that("what the table has no place for is refused by name", {
    skipWithoutPython()
    x <- toySpe()
    metadata(x)$mine <- sum
    expect_error(
        asAnnData(x), "found metadata$mine (class function)",
        fixed = TRUE
    )
    expect_no_error(asAnnData(x, strict = FALSE))
})

test_that("parts can be chosen, and logcounts become a layer", {
    skipWithoutPython()
    x <- toySpe()
    assay(x, "logcounts") <- log1p(assay(x, "counts"))
    adata <- asAnnData(x)
    expect_equal(
        py_to_r(bridge()$read(adata, "layers", "logcounts")$toarray()),
        unname(t(as.matrix(assay(x, "logcounts"))))
    )
    little <- asAnnData(x, parts = c("counts", "spatialCoords"))
    expect_identical(
        keysOf(little),
        list(
            obs = character(), obsm = "spatial", layers = character(),
            uns = character(), images = character()
        )
    )
})
