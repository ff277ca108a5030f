test_that("the finer object sums to the spots, and has microns and image", {
    skipWithoutPython()
    x <- exampleBulb("Rep4")[, 1:60]
    genes <- rownames(x)[1:6]
    fine <- enhanceResolution(x, "bilinear", genes = genes)
    expect_s4_class(fine, "SpatialExperiment")
    expect_identical(rownames(fine), genes)
    expect_identical(assayNames(fine), "counts")
    held <- !is.na(fine$spot)
    sums <- rowsum(t(as.matrix(assay(fine)[, held])), fine$spot[held])
    expect_equal(
        t(sums)[, colnames(x)], as.matrix(assay(x)[genes, ]),
        tolerance = 1e-4
    )
    expect_equal(
        unname(spatialCoords(fine)) * micronsPerPixel(x)[[1]],
        unname(reducedDim(fine, "spatial_microns"))
    )
    expect_identical(micronsPerPixel(fine), micronsPerPixel(x))
    expect_identical(imgData(fine)$image_id, "hires")
    expect_identical(
        metadata(fine)$HistoBridge$enhanced$system, "bilinear"
    )
})

test_that("the finer object goes through the other verbs and both benchmarks", {
    skipWithoutPython()
    x <- exampleBulb("Rep4")[, 1:40]
    fine <- enhanceResolution(
        x, "image_only",
        genes = 20, pixelMicrons = 60, cache = FALSE
    )
    expect_false(anyNA(as.matrix(assay(fine))))
    page <- writeReport(fine, tempfile(fileext = ".html"))
    expect_match(
        paste(readLines(page, warn = FALSE), collapse = ""),
        "expected counts by point"
    )
    domains <- findDomains(fine, k = 3)
    expect_lte(nlevels(domains$domain), 3)
    scores <- benchmarkResolution(
        x, fine, systems = "nearest", genes = rownames(fine)[1:4],
        pixelMicrons = 60, nBootstrap = 10, cache = FALSE
    )
    expect_true("bilinear" %in% as.data.frame(scores)$system)
    expect_error(
        enhanceResolution(exampleMixture(), "nearest"),
        "microns per full-resolution pixel"
    )
})
