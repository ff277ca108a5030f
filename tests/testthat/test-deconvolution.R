# Proportions of every system, complete; nuclei counted in the image.

test_that("no system drops a spot or a type, in either class of object", {
    skipWithoutPython()
    x <- exampleMixture()[, 1:25]
    assay(x)[, 4] <- 0
    reference <- exampleReference()
    own <- SeuratObject::CreateSeuratObject(
        SeuratObject::CreateAssay5Object(assay(x))
    )
    cells <- SeuratObject::CreateSeuratObject(
        SeuratObject::CreateAssay5Object(assay(reference)),
        meta.data = as.data.frame(colData(reference))
    )
    types <- levels(reference$cell_type)
    for (system in c("nnls", "music", "card", "flashdeconv", "mcgae")) {
        y <- deconvolve(x, reference, system = system, name = system)
        shares <- assay(altExp(y, system))
        expect_setequal(rownames(shares), types)
        expect_identical(colnames(shares), colnames(x))
        expect_true(all(is.na(shares[, 4])), info = system)
        expect_equal(unname(colSums(shares))[-4], rep(1, 24), tolerance = 1e-6)
        status <- as.character(y[[paste0(system, "_status")]])
        expect_identical(which(status != "fitted"), 4L)
        expect_identical(assay(y), assay(x))
    }
    for (system in c("music", "rctd")) {
        z <- deconvolve(own, cells, system = system, name = system)
        found <- SeuratObject::LayerData(z, "data", assay = system)
        y <- deconvolve(x, reference, system = system, name = system)
        expect_equal(as.matrix(found), assay(altExp(y, system)))
        expect_identical(
            unname(as.character(z[[paste0(system, "_status")]][, 1])),
            as.character(y[[paste0(system, "_status")]])
        )
    }
})

test_that("nuclei are counted where the tissue has them", {
    skipWithoutPython()
    x <- exampleBulb("Rep4")
    y <- countNuclei(x, diameterMicrons = 100)
    middle <- tapply(y$n_nuclei, y$layer, median)
    expect_gt(
        middle[["Granular cell layer"]],
        2 * middle[["Outer plexiform layer"]]
    )
    expect_identical(assay(y), assay(x))
    expect_error(countNuclei(x, imageId = "absent"), "image named 'absent'")
})

test_that("nuclei make abundances, and the ablations leave them out", {
    skipWithoutPython()
    x <- exampleMixture()[, 1:30]
    x$counted <- rep(c(2, 5, 9), 10)
    y <- deconvolve(
        x, exampleReference(),
        graph = "tissue", nuclei = "counted", level = 0.9
    )
    cells <- colSums(assay(altExp(y, "proportions_abundance")))
    expect_equal(unname(cells), x$counted)
    z <- deconvolve(
        x, exampleReference(),
        graph = "tissue", nuclei = "counted", image = "ignore"
    )
    expect_false("proportions_abundance" %in% altExpNames(z))
    expect_error(
        deconvolve(x, exampleReference(), nuclei = "absent"),
        "nuclei per spot"
    )
})

test_that("the ablation of the image is in every benchmark that has one", {
    skipWithoutPython()
    tissue <- simulateTissue(
        1,
        spotsPerSide = 12, nGenes = 100, depth = 300, seed = 1L
    )
    tissue <- addMorphology(tissue, "colour", cache = FALSE)
    found <- benchmarkDeconvolution(
        tissue, simulateReference(40, nGenes = 100, seed = 1L),
        nBootstrap = 20
    )
    rows <- subset(summary(found), metric == "rmse_spot")
    rmse <- stats::setNames(rows$value, rows$system)
    expect_lt(rmse[["poisson_image"]], rmse[["no_image"]])
    expect_lt(rmse[["poisson_image"]], rmse[["shuffled_image"]])
})

test_that("flashdeconv records how far it smooths, or smooths as asked", {
    skipWithoutPython()
    x <- deconvolve(
        exampleMixture(), exampleReference(),
        system = "flashdeconv"
    )
    y <- deconvolve(
        x, exampleReference(),
        system = "flashdeconv", smooth = 0.1, name = "smooth"
    )
    record <- metadata(y)$HistoBridge
    expect_lt(record$proportions$strength, 0.1)
    expect_identical(record$smooth$strength, 0.1)
})
