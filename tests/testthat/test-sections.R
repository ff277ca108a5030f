# The bulb again, half as deep, turned by 40 degrees and shifted.
turnedBulb <- function(degrees = 40) {
    x <- exampleBulb("Rep4")
    y <- x
    colnames(y) <- paste0("turned_", colnames(x))
    y$sample_id <- "turned"
    imgData(y) <- NULL
    metadata(y) <- list()
    micronsPerPixel(y) <- micronsPerPixel(x)[[1]]
    a <- degrees * pi / 180
    turn <- matrix(c(cos(a), sin(a), -sin(a), cos(a)), 2)
    coords <- spatialCoords(x) %*% turn + 5000
    colnames(coords) <- colnames(spatialCoords(x))
    spatialCoords(y) <- coords
    assay(y) <- round(assay(y) / 2)
    x$place <- y$place <- colnames(x)
    list(still = x, turned = y)
}

test_that("a turned section comes to lie where it was", {
    skipWithoutPython()
    both <- turnedBulb()
    aligned <- alignSections(both, landmarks = "place")
    expect_named(aligned, names(both))
    settings <- metadata(aligned$turned)$HistoBridge$aligned
    expect_lt(settings$landmark_error$after, 20)
    expect_gt(settings$landmark_error$before, 1000)
    expect_equal(
        spatialCoords(aligned$turned), spatialCoords(both$turned)
    )
    expect_equal(
        unname(reducedDim(aligned$still, "aligned")),
        unname(spatialCoords(both$still) * micronsPerPixel(both$still)[[1]])
    )
    expect_error(alignSections(both$still), "at least two sections")
})

test_that("parts of a section, its image and a warp are arguments in R too", {
    skipWithoutPython()
    both <- turnedBulb(110)
    x <- spatialCoords(both$still)[, 1]
    both$still <- both$still[, x <= stats::quantile(x, 0.8)]
    both$turned <- both$turned[, x >= stats::quantile(x, 0.2)]
    apart <- function(...) {
        aligned <- alignSections(both, landmarks = "place", ...)
        metadata(aligned$turned)$HistoBridge$aligned$landmark_error$after
    }
    expect_lt(apart(overlap = 0.7), 50)
    expect_lt(apart(overlap = 0.7, warp = TRUE), 100)
    expect_error(apart(image = 0.5), "addMorphology")
})

test_that("ComBat and removeBatchEffect are those of sva and limma", {
    skipWithoutPython()
    skip_if_not_installed("sva")
    skip_if_not_installed("limma")
    x <- exampleBulb()[1:300, ]
    x <- x[, colSums(as.matrix(assay(x))) > 0]
    seen <- vapply(unique(x$sample_id), function(section) {
        rowSums(as.matrix(assay(x)[, x$sample_id == section])) > 0
    }, logical(nrow(x)))
    x <- x[rowSums(seen) == 2, ]
    counts <- as.matrix(assay(x))
    logged <- log1p(1e4 * sweep(counts, 2, colSums(counts), "/"))
    model <- stats::model.matrix(~ x$layer)
    y <- harmonizeSections(x, covariates = "layer")
    invisible(capture.output(
        combat <- suppressMessages(sva::ComBat(logged, x$sample_id, model))
    ))
    off <- function(y, theirs) max(abs(assay(y, "harmonized") - theirs))
    expect_lt(off(y, combat), 1e-4)
    y <- harmonizeSections(x, "limma", covariates = "layer")
    limma <- limma::removeBatchEffect(logged, x$sample_id, design = model)
    expect_lt(off(y, limma), 1e-4)
    expect_identical(
        harmonizeSections(y, "limma", covariates = "layer"), y
    )
})

test_that("stains are harmonised without touching images or assays", {
    skipWithoutPython()
    x <- exampleBulb()[1:5, ]
    y <- harmonizeSections(x, "reinhard")
    expect_identical(forget(y, "harmonized_stain"), x)
    record <- metadata(y)$HistoBridge$harmonized_stain
    expect_identical(record$reference, "Rep4")
    expect_equal(record$wanted, record$profiles$Rep4)
    z <- addMorphology(y, "colour", 200, stain = "harmonized_stain", cache = FALSE)
    expect_false(anyNA(reducedDim(z, "morphology")))
    expect_error(
        addMorphology(x, "colour", stain = "harmonized_stain"),
        "stain normaliser"
    )
})

test_that("objects with different genes are harmonised together", {
    skipWithoutPython()
    x <- exampleBulb()
    parts <- list(x[1:60, x$sample_id == "Rep4"], x[31:90, x$sample_id == "Rep9"])
    made <- harmonizeSections(parts, method = "limma")
    expect_identical(lapply(made, dim), lapply(parts, dim))
    shared <- rownames(x)[31:60]
    means <- lapply(made, function(y) {
        full <- colSums(as.matrix(counts(y))) > 0
        expect_true(all(as.matrix(assay(y, "harmonized"))[, !full] == 0))
        rowMeans(assay(y, "harmonized")[shared, full])
    })
    expect_equal(means[[1]], means[[2]], tolerance = 1e-4)
})
