# Each bad input: one clear error, and the object is as it was.
expectRefused <- function(x, call, text) {
    before <- x
    message <- tryCatch(
        {
            call(x)
            "no error"
        },
        error = conditionMessage
    )
    expect_match(message, text, fixed = TRUE)
    expect_match(message, "^expected .*; found ")
    expect_no_match(message, "Traceback|py_last_error|Error")
    expect_identical(x, before)
}

bulb <- function() exampleBulb("Rep4")[, 1:12]

describe <- function(x) {
    addMorphology(x, "colour", cache = FALSE, progress = FALSE)
}

test_that("no counts assay", {
    skipWithoutPython()
    x <- bulb()
    assayNames(x) <- "logcounts"
    expectRefused(
        x, function(x) findDomains(x, 3),
        "an assay named \"counts\"; found none; available: logcounts"
    )
})

test_that("NA as an argument, of which Python would make TRUE", {
    skipWithoutPython()
    text <- "expected a value for k; found NA"
    for (k in list(NA, NA_integer_, NA_real_, NA_character_)) {
        expectRefused(bulb(), function(x) findDomains(x, k), text)
    }
})

test_that("no coordinates", {
    skipWithoutPython()
    expectRefused(
        exampleReference(), describe, "spatial coordinates in obsm[\"spatial\"]"
    )
})

test_that("coordinates that are missing", {
    skipWithoutPython()
    x <- bulb()
    spatialCoords(x)[2, 1] <- NA
    expectRefused(x, describe, "finite coordinates; found 1 spots with NaN")
})

test_that("no image", {
    skipWithoutPython()
    x <- bulb()
    imgData(x) <- NULL
    expectRefused(x, describe, "an image of section 'Rep4'")
})

test_that("an image file that does not exist", {
    skipWithoutPython()
    file <- tempfile(fileext = ".jpg")
    file.copy(toyPicture(), file)
    x <- bulb()
    imgData(x)$data <- I(list(SpatialImage(file)))
    unlink(file)
    expectRefused(
        x, describe, "the image file of section 'Rep4'; found no file"
    )
})

test_that("microns per pixel missing", {
    skipWithoutPython()
    x <- bulb()
    micronsPerPixel(x) <- NULL
    expectRefused(x, describe, "micronsPerPixel(x) <-")
})

test_that("coordinates outside the image", {
    skipWithoutPython()
    x <- bulb()
    spatialCoords(x)[1, "x"] <- 1e6
    expectRefused(x, describe, "1 of 12 outside")
})

test_that("an unknown encoder", {
    skipWithoutPython()
    expectRefused(
        bulb(), function(x) addMorphology(x, "nothing", cache = FALSE),
        "nothing"
    )
})

test_that("duplicated or missing names", {
    skipWithoutPython()
    x <- bulb()
    colnames(x)[2] <- colnames(x)[1]
    expectRefused(
        x, describe,
        "unique column names (spots); found repeated \"Rep4_20x25\""
    )
    x <- bulb()
    rownames(x)[2] <- rownames(x)[1]
    expectRefused(x, describe, "unique row names (features)")
    colnames(x) <- NULL
    expectRefused(x, describe, "unique column names (spots); found none")
})

test_that("NaN or negative counts", {
    skipWithoutPython()
    refused <- function(x) callPython(core()$contract$counts, handOver(x))
    x <- bulb()
    assay(x)[1, 1] <- NaN
    expectRefused(x, refused, "finite counts in X; found NaN")
    assay(x)[1, 1] <- -1
    expectRefused(x, refused, "non-negative counts in X; found minimum -1")
})

test_that("an object that cannot hold results, and no object at all", {
    skipWithoutPython()
    expectRefused(
        as(bulb(), "RangedSummarizedExperiment"), describe,
        "a SpatialExperiment or SingleCellExperiment"
    )
    expectRefused(data.frame(), describe, "class data.frame")
    expectRefused(
        bulb(), function(x) predictExpression(x, "model"),
        "a TranslationModel; found class character"
    )
})

test_that("a model or a file of one that is gone", {
    skipWithoutPython()
    dead <- new("TranslationModel", genes = "Th", python = NULL)
    expectRefused(
        bulb(), function(x) predictExpression(x, dead),
        "found one whose Python side is gone"
    )
    expect_error(loadModel(tempfile()), "expected the file of a model")
})
