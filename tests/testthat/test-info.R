test_that("a bug report has the versions of both languages", {
    skip_if_not(pythonReady())
    info <- histobridgeInfo()
    expect_identical(
        info$r[["HistoBridge"]],
        as.character(packageVersion("HistoBridge"))
    )
    expect_identical(
        info$packages[["reticulate"]],
        as.character(packageVersion("reticulate"))
    )
    numpy <- reticulate::import("numpy")
    expect_identical(info$pythonPackages[["numpy"]], numpy$`__version__`)
    expect_identical(info$python[["HistoBridge"]], info$r[["HistoBridge"]])
    expect_identical(info$route, bridgeRoute())
    text <- capture.output(shown <- print(info))
    expect_true(paste("numpy", numpy$`__version__`) %in% text)
    expect_false(any(grepl(path.expand("~"), text, fixed = TRUE)))
})

test_that("what is not installed is NA, not an error", {
    found <- versionsOf(c("stats", "noSuchPackage"))
    expect_identical(names(found), c("stats", "noSuchPackage"))
    expect_identical(is.na(found), c(stats = FALSE, noSuchPackage = TRUE))
})
