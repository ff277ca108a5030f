skip_if_not_installed("Seurat")
suppressPackageStartupMessages(loadNamespace("Seurat"))

# The bulbs as a Seurat user has them, one Visium image per section.
seuratBulb <- function(x) suppressWarnings(asSeurat(asAnnData(x)))

settingsOf <- function(x, name) partOf(x, "settings")[[name]]

test_that("a Seurat object is enhanced like its experiment", {
    skipWithoutPython()
    x <- exampleBulb("Rep4")[1:30, 1:60]
    genes <- rownames(x)[1:4]
    enhance <- function(x, ...) {
        enhanceResolution(x, genes = genes, cache = FALSE, ...)
    }
    for (system in c("inverse_distance", "regression_kriging")) {
        fine <- enhance(seuratBulb(x), system = system)
        expect_s4_class(fine, "SpatialExperiment")
        theirs <- enhance(x, system = system)
        expect_equal(
            unname(as.matrix(assay(fine))), unname(as.matrix(assay(theirs))),
            tolerance = 0.02
        )
        held <- !is.na(fine$spot)
        sums <- rowsum(t(as.matrix(assay(fine)[, held])), fine$spot[held])
        expect_equal(
            t(sums)[, colnames(x)], as.matrix(assay(x)[genes, ]),
            tolerance = 1e-4
        )
        expect_equal(
            unname(reducedDim(fine, "spatial_microns")),
            unname(reducedDim(theirs, "spatial_microns"))
        )
    }
})

test_that("sections of a Seurat object are aligned and harmonised", {
    skipWithoutPython()
    x <- exampleBulb()[1:300, ]
    y <- seuratBulb(x)
    aligned <- alignSections(y)
    expect_s4_class(aligned, "Seurat")
    expect_equal(
        unname(SeuratObject::Embeddings(aligned, "aligned")),
        unname(reducedDim(alignSections(x), "aligned")),
        tolerance = 1e-4
    )
    made <- harmonizeSections(y, covariates = "layer")
    expect_equal(
        unname(as.matrix(SeuratObject::LayerData(made, "harmonized"))),
        unname(as.matrix(
            assay(harmonizeSections(x, covariates = "layer"), "harmonized")
        )),
        tolerance = 1e-4
    )
    parts <- suppressWarnings(list(
        y[1:60, y$sample_id == "Rep4"], y[31:90, y$sample_id == "Rep9"]
    ))
    apart <- harmonizeSections(parts, method = "limma")
    shared <- rownames(x)[31:60]
    means <- lapply(apart, function(z) {
        seen <- Matrix::colSums(SeuratObject::LayerData(z, "counts")) > 0
        made <- SeuratObject::LayerData(z, "harmonized")
        rowMeans(as.matrix(made[shared, seen]))
    })
    expect_equal(means[[1]], means[[2]], tolerance = 1e-4)
})

test_that("stains of a Seurat object are harmonised", {
    skipWithoutPython()
    y <- seuratBulb(exampleBulb()[1:5, ])
    made <- harmonizeSections(y, "macenko", reference = "Rep9")
    record <- settingsOf(made, "harmonized_stain")
    expect_identical(record$reference, "Rep9")
    expect_setequal(names(record$profiles), c("Rep4", "Rep9"))
    expect_identical(forget(made, "harmonized_stain"), y)
    describe <- function(x, stain) {
        x <- addMorphology(x, "colour", 200, stain = stain, cache = FALSE)
        SeuratObject::Embeddings(x, "morphology")
    }
    change <- abs(describe(made, "harmonized_stain") - describe(made, NULL))
    moved <- tapply(rowMeans(change), y$sample_id, mean)
    expect_gt(moved[["Rep4"]], 3 * moved[["Rep9"]])
})

test_that("differences, genes of domains and denoising are the same", {
    skipWithoutPython()
    x <- exampleBulb("Rep4")[1:40, 1:120]
    y <- seuratBulb(x)
    expect_equal(
        testSpatialDE(y, "layer", "Granular cell layer", genes = rownames(x)[1:5]),
        testSpatialDE(x, "layer", "Granular cell layer", genes = rownames(x)[1:5])
    )
    expect_equal(
        as.data.frame(findDomainGenes(y, "layer", draws = 19)),
        as.data.frame(findDomainGenes(x, "layer", draws = 19))
    )
    expect_equal(
        unname(as.matrix(SeuratObject::LayerData(denoise(y, steps = 2), "denoised"))),
        unname(as.matrix(assay(denoise(x, steps = 2), "denoised")))
    )
})

test_that("the gradient of a Seurat object is that of its experiment", {
    skipWithoutPython()
    x <- runIntegration(exampleBulb("Rep4")[1:200, ], "nichepca")
    y <- runIntegration(seuratBulb(exampleBulb("Rep4")[1:200, ]), "nichepca")
    trace <- function(x) {
        traceGradient(x, rootDomain = "Granular cell layer", by = "layer")
    }
    traced <- trace(y)
    expect_s4_class(traced, "Seurat")
    expect_equal(
        unname(traced$pseudotime), unname(trace(x)$pseudotime),
        tolerance = 1e-4
    )
    expect_identical(min(traced$pseudotime, na.rm = TRUE), 0)
})
