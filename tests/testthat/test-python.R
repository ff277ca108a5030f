attempt <- paste(
    "suppressMessages(library(HistoBridge))", "x <- exampleMixture()",
    "before <- x", "stopifnot(!pythonReady())",
    "message(tryCatch(findDomains(x, k = 3), error = conditionMessage))",
    "stopifnot(identical(x, before))",
    sep = "\n"
)

test_that("a Python without torch is named, with what to install", {
    skipWithoutPython()
    folder <- tempfile("bare")
    made <- system2(
        reticulate::py_config()$python,
        c("-m", "venv", "--without-pip", shQuote(folder)),
        stdout = FALSE, stderr = FALSE
    )
    skip_if(made != 0, "no bare Python could be made")
    bare <- Sys.glob(file.path(folder, c("bin", "Scripts"), "python*"))[1]
    run <- runRscript(attempt, bare)
    expect_identical(run$status, 0L, info = run$output)
    expect_match(run$output, "expected a Python with .*torch; found Python 3")
    expect_match(run$output, "without .*torch")
    expect_match(run$output, "-m pip install .*torch")
})

test_that("a missing Python is one clear error", {
    run <- runRscript(attempt, file.path(tempdir(), "no-such-python"))
    expect_identical(run$status, 0L, info = run$output)
    expect_match(run$output, "expected Python 3.11 or later with torch")
    expect_match(run$output, "to fix: set RETICULATE_PYTHON")
})

test_that("what the Python contract refuses is an R error of the same text", {
    skipWithoutPython()
    refuse <- core()$contract$coordinates
    adata <- asAnnData(exampleReference())
    message <- tryCatch(
        callPython(refuse, adata), error = function(e) conditionMessage(e)
    )
    expect_identical(
        message,
        paste0(
            "expected spatial coordinates in obsm[\"spatial\"] ",
            "(spatialCoords in R); found none"
        )
    )
})

test_that("arguments get Python's names and types", {
    skipWithoutPython()
    reticulate::py_run_string(
        "def seen(*a, **k): return repr((a, sorted(k.items())))",
        convert = FALSE
    )
    seen <- reticulate::import_main(convert = FALSE)$seen
    expect_identical(
        py_to_r(callPython(seen, 8, NULL, nComponents = 2.5, imageId = NULL)),
        "((8, None), [('n_components', 2.5)])"
    )
})
