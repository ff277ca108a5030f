test_that("a stored image travels as its path, with scale and microns", {
    skipWithoutPython()
    x <- toySpe()
    micronsPerPixel(x) <- c(a = 2, c = 3)
    spatial <- reticulate::py_to_r(asAnnData(x)$uns$get("spatial"))
    expect_identical(names(spatial), c("a", "b", "c"))
    expect_identical(spatial$a$images$hires, normalizePath(toyPicture()))
    expect_identical(
        spatial$a$scalefactors,
        list(tissue_hires_scalef = 0.5, microns_per_pixel = 2)
    )
    expect_identical(spatial$b$scalefactors, list(tissue_detail_scalef = 0.25))
    expect_length(spatial$c$images, 0)
    expect_identical(spatial$c$scalefactors, list(microns_per_pixel = 3))
})

test_that("a section without image and microns has no entry", {
    skipWithoutPython()
    spatial <- asAnnData(toySpe())$uns$get("spatial")
    expect_identical(names(reticulate::py_to_r(spatial)), c("a", "b"))
})

test_that("a loaded image arrives pixel by pixel as uint8", {
    skipWithoutPython()
    spatial <- reticulate::py_to_r(asAnnData(toySpe())$uns$get("spatial"))
    pixels <- spatial$b$images$detail
    expect_identical(dim(pixels), c(4L, 6L, 3L))
    colours <- as.matrix(toyRaster())
    for (channel in 1:3) {
        expected <- matrix(col2rgb(colours)[channel, ], 4)
        expect_equal(pixels[, , channel], expected)
    }
    python <- asAnnData(toySpe())$uns$get("spatial")[["b"]][["images"]]
    expect_identical(as.character(python[["detail"]]$dtype), "uint8")
})

test_that("coordinates are (x, y) whatever the order of their columns", {
    skipWithoutPython()
    x <- toySpe()
    expected <- unname(spatialCoords(x))
    expect_identical(pull(asAnnData(x), "obsm", "spatial"), expected)
    for (names in list(
        c("pxl_row_in_fullres", "pxl_col_in_fullres"), c("y", "x"),
        c("imagerow", "imagecol")
    )) {
        swapped <- spatialCoords(x)[, 2:1]
        colnames(swapped) <- names
        y <- x
        spatialCoords(y) <- swapped
        expect_identical(pull(asAnnData(y), "obsm", "spatial"), expected)
    }
    spatialCoordsNames(x) <- c("pxl_col_in_fullres", "pxl_row_in_fullres")
    expect_identical(pull(asAnnData(x), "obsm", "spatial"), expected)
})

test_that("microns are named by section and positive", {
    x <- toySpe()
    expect_null(micronsPerPixel(x))
    micronsPerPixel(x) <- 2
    expect_identical(micronsPerPixel(x), c(a = 2, b = 2, c = 2))
    micronsPerPixel(x) <- NULL
    expect_identical(x, toySpe())
    expect_error(
        micronsPerPixel(x) <- c(d = 1),
        "found \"d\"; available: a, b, c",
        fixed = TRUE
    )
    expect_error(micronsPerPixel(x) <- -1, "expected positive")
    expect_error(micronsPerPixel(x) <- c(1, 2), "found no names")
})

test_that("combined objects keep the microns of every section", {
    x <- BiocGenerics::cbind(exampleBulb("Rep4"), exampleBulb("Rep9"))
    expect_identical(micronsPerPixel(x), micronsPerPixel(exampleBulb()))
    micronsPerPixel(x) <- c(Rep4 = 1, Rep9 = 2)
    expect_identical(micronsPerPixel(x), c(Rep4 = 1, Rep9 = 2))
    expect_identical(names(S4Vectors::metadata(x)), "HistoBridge")
})

test_that("spots beside the tissue are found, and the shift brings them back", {
    skipWithoutPython()
    x <- exampleBulb()
    expect_false(any(checkRegistration(x)$in_doubt))
    y <- x
    moved <- y$sample_id == "Rep9"
    spatialCoords(y)[moved, 2] <- spatialCoords(y)[moved, 2] - 130
    found <- checkRegistration(y)
    expect_identical(found$section, c("Rep4", "Rep9"))
    expect_identical(found$in_doubt, c(FALSE, TRUE))
    expect_equal(found$shift_y[2], 130, tolerance = 0.2)
    expect_warning(
        addMorphology(y, "colour", cache = FALSE), "beside the tissue"
    )
    rows <- match(y$sample_id, found$section)
    shift <- as.matrix(found[rows, c("shift_x", "shift_y")])
    spatialCoords(y) <- spatialCoords(y) + shift
    expect_false(any(checkRegistration(y)$in_doubt))
})
