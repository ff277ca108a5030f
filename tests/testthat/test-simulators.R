test_that("simulated tissue comes with its truth, the one of Python", {
    skipWithoutPython()
    x <- simulateTissue(1, spotsPerSide = 6, nGenes = 20, seed = 3L)
    expect_s4_class(x, "SpatialExperiment")
    expect_identical(dim(x), c(20L, 36L))
    truth <- assay(altExp(x, "true_proportions"))
    expect_equal(unname(colSums(truth)), rep(1, 36))
    expect_true(all(c("domain", "n_cells") %in% names(colData(x))))
    expect_identical(assayNames(x), c("counts", "rate"))
    expect_identical(imgData(x)$image_id, "hires")
    expect_identical(
        assay(simulateTissue(1, spotsPerSide = 6, nGenes = 20, seed = 3L)),
        assay(x)
    )
    found <- findDomains(x, k = 2, name = "found")
    expect_identical(nlevels(found$found), 2L)
    cells <- simulateReference(5, nGenes = 20, seed = 3L)
    expect_identical(assayNames(cells), "counts")
    expect_identical(rowData(cells)$marker_of, rowData(x)$marker_of)
    expect_identical(as.vector(table(cells$cell_type)), rep(5L, 5))
    expect_error(simulateTissue(1, shared = 2), "shared")
})

test_that("what is simulated goes straight into the verbs", {
    skipWithoutPython()
    tissue <- simulateTissue(1, spotsPerSide = 8, nGenes = 40)
    cells <- simulateReference(20, nGenes = 40)
    made <- simulateSpots(cells, spotsPerRegion = 5, depth = NULL)
    n <- ncol(cells)
    places <- cbind(x = runif(n, 0, 500), y = runif(n, 0, 500))
    placed <- SpatialExperiment(
        list(counts = assay(cells)),
        colData = DataFrame(cell_type = cells$cell_type), spatialCoords = places
    )
    binned <- pseudoSpots(placed, micronsPerPixel = 1)$spots
    for (x in list(tissue, made$spots, binned)) {
        expect_identical(assayNames(x)[1], "counts")
        y <- deconvolve(x, made$rest, system = "nnls")
        expect_identical(ncol(altExp(y, "proportions")), ncol(x))
    }
    expect_identical(assayNames(cells), "counts")
})

test_that("spots are mixed in patterns, from one half of the cells", {
    skipWithoutPython()
    reference <- exampleReference()
    made <- simulateSpots(
        reference, "regional_rare", spotsPerRegion = 12, depth = NULL
    )
    spots <- made$spots
    truth <- assay(altExp(spots, "true_proportions"))
    expect_equal(unname(colSums(truth)), rep(1, ncol(spots)))
    expect_identical(length(unique(spots$region)), 5L)
    present <- apply(truth > 0, 1, function(held) unique(spots$region[held]))
    expect_true(any(lengths(present) == 1))
    expect_true(all(colnames(made$rest) %in% colnames(reference)))
    expect_lt(ncol(made$rest), ncol(reference))
    expect_identical(
        ncol(spatialCoords(spots)) * ncol(spots), length(spatialCoords(spots))
    )
    expect_error(simulateSpots(reference, "striped"), "a pattern by name")
})

test_that("cells are binned with nothing lost, also from Seurat", {
    skipWithoutPython()
    cells <- exampleReference()[1:30, 1:300]
    set.seed(1)
    places <- cbind(x = runif(300, 0, 600), y = runif(300, 0, 400))
    x <- SpatialExperiment(
        list(counts = counts(cells)),
        colData = DataFrame(cell_type = cells$cell_type),
        spatialCoords = places
    )
    made <- pseudoSpots(x, diameterMicrons = NULL, micronsPerPixel = 1)
    expect_equal(sum(assay(made$spots)), sum(assay(x)))
    expect_identical(names(made$spotOf), colnames(x))
    one <- colnames(made$spots)[2]
    mine <- which(made$spotOf == one)
    expect_equal(
        unname(assay(made$spots)[, one]),
        unname(rowSums(as.matrix(assay(x))[, mine]))
    )
    share <- prop.table(table(as.character(x$cell_type[mine])))
    truth <- assay(altExp(made$spots, "true_proportions"))[, one]
    expect_equal(truth[names(share)], c(share))
    bare <- pseudoSpots(x, labels = NULL, micronsPerPixel = 1)
    expect_length(altExpNames(bare$spots), 0)
    expect_true(anyNA(bare$spotOf))
    expect_error(pseudoSpots(x), "microns per full-resolution pixel")
    skip_if_not_installed("SeuratObject")
    theirs <- pseudoSpots(asSeurat(asAnnData(x)), micronsPerPixel = 1)
    own <- pseudoSpots(x, micronsPerPixel = 1)
    expect_equal(assay(theirs$spots), assay(own$spots))
    expect_identical(theirs$spotOf, own$spotOf)
})
