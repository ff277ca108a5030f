expectSame <- function(x, adata) {
    expect_identical(
        colnames(x), as.character(py_to_r(adata$obs_names$tolist()))
    )
    expect_identical(
        rownames(x), as.character(py_to_r(adata$var_names$tolist()))
    )
    expect_equal(
        unname(t(as.matrix(assay(x, "counts")))), py_to_r(adata$X$toarray())
    )
    columns <- fromFrame(adata$obs)
    expect_identical(names(columns), names(colData(x)))
    for (name in names(columns)) {
        expect_equal(as.character(x[[name]]), as.character(columns[[name]]))
        if (is.factor(x[[name]])) {
            expect_identical(levels(x[[name]]), levels(columns[[name]]))
        }
    }
}

test_that("the bulb is the same in R and in Python", {
    skipWithoutPython()
    x <- exampleBulb()
    adata <- core()$data$example_bulb()
    expectSame(x, adata)
    expect_equal(
        unname(spatialCoords(x)), pull(adata, "obsm", "spatial"),
        tolerance = 0
    )
    ours <- py_to_r(asAnnData(x)$uns$get("spatial"))
    theirs <- py_to_r(adata$uns$get("spatial"))
    for (section in names(theirs)) {
        expect_equal(
            ours[[section]]$scalefactors, theirs[[section]]$scalefactors
        )
        expect_identical(
            tools::md5sum(ours[[section]]$images$hires)[[1]],
            tools::md5sum(theirs[[section]]$images$hires)[[1]]
        )
    }
})

test_that("one section can be asked for, an unknown one is refused", {
    expect_identical(unique(exampleBulb("Rep9")$sample_id), "Rep9")
    expect_identical(names(micronsPerPixel(exampleBulb("Rep9"))), "Rep9")
    expect_error(
        exampleBulb("Rep1"), "found \"Rep1\"; available: Rep4, Rep9",
        fixed = TRUE
    )
})

test_that("mixture and reference are the same in R and in Python", {
    skipWithoutPython()
    x <- exampleMixture()
    adata <- core()$data$example_mixture()
    expectSame(x, adata)
    truth <- fromFrame(bridge()$read(adata, "obsm", "true_proportions"))
    own <- assay(altExp(x, "true_proportions"))
    expect_identical(rownames(own), names(truth))
    expect_equal(unname(t(own)), unname(as.matrix(truth)), tolerance = 1e-15)
    expectSame(exampleReference(), core()$data$example_reference())
})

test_that("the examples need no Python", {
    script <- paste(
        "suppressMessages(library(HistoBridge));",
        "stopifnot(ncol(exampleBulb('Rep9')) == 237,",
        "ncol(exampleMixture()) == 239, ncol(exampleReference()) == 1170,",
        "!reticulate::py_available())"
    )
    run <- runRscript(script)
    expect_identical(run$status, 0L, info = run$output)
})
