# Virtual stains on the shipped tissue: what comes back where, and only there.
stainedBulb <- function(x = exampleBulb("Rep4"), ...) {
    stainVirtually(x, genes = list(granule = c("Penk", "Meis2")), ...)
}

test_that("channels and pictures are added and all else is kept", {
    skipWithoutPython()
    x <- exampleBulb("Rep4")
    y <- stainedBulb(x)
    expect_identical(rownames(altExp(y, "virtual_stain")), "granule")
    expect_identical(dim(altExp(y, "virtual_stain")), c(1L, ncol(x)))
    expect_false(anyNA(assay(altExp(y, "virtual_stain"))))
    images <- imgData(y)
    expect_identical(
        images$image_id, c(imgData(x)$image_id, "virtual_stain_granule")
    )
    painted <- SpatialExperiment::imgRaster(images$data[[nrow(images)]])
    scale <- images$scaleFactor[nrow(images)]
    expect_equal(scale * 4, unname(micronsPerPixel(x)))
    expect_gt(min(dim(painted)), 0.9 * max(spatialCoords(x)) * scale)
    range <- metadata(y)$HistoBridge$virtual_stain$range$granule
    expect_lt(range[[1]], range[[2]])
    expect_identical(forget(y, "virtual_stain"), x)
    again <- stainedBulb(y)
    expect_identical(imgData(again)$image_id, images$image_id)
})

test_that("a painted marker passes its cross-check, as in Python", {
    skipWithoutPython()
    y <- stainedBulb()
    found <- crossCheck(y, "granule", c("Penk", "Doc2g"), draws = 99)
    expect_s4_class(found, "DataFrame")
    expect_identical(unique(found$section), c("Rep4", "all"))
    expect_lt(found$fdr[found$gene == "Penk"][1], 0.05)
    expect_gt(found$p_value[found$gene == "Doc2g"][1], 0.05)
    measured <- crossCheck(
        y, "haematoxylin", "Penk",
        imageId = "hires", draws = 99
    )
    expect_gt(measured$correlation[1], 0)
    expect_error(crossCheck(y, "magic", "Penk"), "channel 'magic'")
})

test_that("spots without counts are stained from a reference", {
    skipWithoutPython()
    x <- exampleBulb("Rep9")
    assay(x, "counts") <- NULL
    y <- stainVirtually(x, exampleBulb("Rep4"), genes = "Penk")
    known <- log1p(assay(exampleBulb("Rep9"), "counts")["Penk", ])
    expect_gt(stats::cor(assay(altExp(y, "virtual_stain"))[1, ], known), 0.3)
})

test_that("a network is taught from R", {
    skipWithoutPython()
    x <- exampleBulb("Rep4")
    stain <- function(...) {
        stainVirtually(
            x, x[, 1:40],
            channels = "eosin", system = "mvfstain", epochs = 1,
            pixels = 16, scale = 1 / 8, ...
        )
    }
    first <- assay(altExp(stain(seed = 1), "virtual_stain"))
    expect_identical(assay(altExp(stain(seed = 1), "virtual_stain")), first)
    expect_identical(rownames(first), "eosin")
})

test_that("a Seurat object gets the spots", {
    skipWithoutPython()
    skip_if_not_installed("Seurat")
    x <- asSeurat(asAnnData(exampleBulb("Rep4")), strict = FALSE)
    y <- stainVirtually(x, genes = "Penk")
    expect_equal(dim(y[["virtual_stain"]]), c(1, ncol(x)))
    found <- crossCheck(y, "Penk", "Penk", draws = 99)
    expect_gt(found$correlation[1], 0.3)
    two <- stainVirtually(y, genes = c("Penk", "Th"))
    expect_equal(dim(two[["virtual_stain"]]), c(2, ncol(x)))
    expect_identical(
        SeuratObject::Images(y), SeuratObject::Images(x)
    )
})
