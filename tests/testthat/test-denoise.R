test_that("a denoised assay is sparse, Python's, and leaves the rest", {
    skipWithoutPython()
    x <- exampleBulb("Rep4")[1:120, ]
    y <- denoise(x)
    expect_s4_class(assay(y, "denoised"), "sparseMatrix")
    adata <- asAnnData(x)
    callPython(core()$denoise, adata)
    expect_equal(
        t(unname(as.matrix(assay(y, "denoised")))),
        unname(as.matrix(pull(adata, "layers", "denoised")))
    )
    expect_identical(forget(y, "denoised"), x)
    record <- metadata(y)$HistoBridge$denoised
    expect_gt(record$steps$Rep4, 0)
    expect_length(record$curve$loss, 6)
})

test_that("Seurat gets the same layer, and fractions are refused", {
    skipWithoutPython()
    x <- exampleBulb("Rep4")[1:60, ]
    y <- denoise(asSeurat(asAnnData(x)), steps = 2)
    layer <- SeuratObject::LayerData(y, "denoised")
    expect_equal(
        unname(as.matrix(layer)),
        unname(as.matrix(assay(denoise(x, steps = 2), "denoised")))
    )
    assay(x, "counts") <- assay(x, "counts") / 2
    expect_error(denoise(x), "whole-number")
})

test_that("pseudotime has its root at 0, and a record", {
    skipWithoutPython()
    x <- runIntegration(exampleBulb("Rep4"), "nichepca")
    y <- traceGradient(x, rootDomain = "Granular cell layer", by = "layer")
    record <- metadata(y)$HistoBridge$pseudotime
    expect_identical(y$pseudotime[colnames(y) == record$root], 0)
    expect_identical(
        as.character(y$layer[colnames(y) == record$root]),
        "Granular cell layer"
    )
    expect_length(record$root_sensitivity, 20)
    expect_true(record$distance_share >= 0 && record$distance_share <= 1)
    expect_identical(forget(y, "pseudotime"), x)
    place <- spatialCoords(x)[record$root, ]
    z <- traceGradient(x, rootPoint = place, by = "layer")
    expect_equal(z$pseudotime, y$pseudotime)
    expect_error(traceGradient(x), "exactly one")
})
