test_that("differences are those of nlme's generalised least squares", {
    skipWithoutPython()
    skip_if_not_installed("nlme")
    x <- exampleBulb("Rep4")[, 1:120]
    genes <- c("Penk", "Cpe", "Apoe", "Lars2", "Atp1b1", "Snap25")
    ours <- testSpatialDE(x, "layer",
        group = "Granular cell layer", genes = genes
    )
    expect_setequal(rownames(ours), genes)
    counts <- as.matrix(assay(x))
    values <- log1p(1e4 * sweep(counts, 2, colSums(counts), "/"))
    place <- spatialCoords(x) * micronsPerPixel(x)
    for (gene in genes) {
        frame <- data.frame(
            y = values[gene, ], u = place[, 1], v = place[, 2],
            inside = as.numeric(x$layer == "Granular cell layer")
        )
        found <- ours[gene, ]
        start <- c(found$range, found$nugget)
        field <- nlme::corExp(start, form = ~ u + v, nugget = TRUE)
        # Its likelihood has several maxima: it starts from ours, free to leave.
        theirs <- nlme::gls(y ~ inside, frame,
            correlation = field, method = "REML",
            control = nlme::glsControl(opt = "optim")
        )
        error <- sqrt(stats::vcov(theirs)[2, 2])
        slope <- unname(stats::coef(theirs)[2])
        expect_lt(abs(found$estimate - slope), 1e-3)
        expect_lt(abs(found$statistic - slope / error), 0.05)
    }
})

test_that("wrong groups are refused, and the table is Python's", {
    skipWithoutPython()
    x <- exampleBulb("Rep4")[1:8, 1:60]
    adata <- asAnnData(x)
    python <- framed(callPython(
        core()$test_spatial_de, adata, "layer",
        group = "Mitral cell layer"
    ))
    expect_equal(testSpatialDE(x, "layer", "Mitral cell layer"), python)
    expect_error(testSpatialDE(x, "layer"), "expected a group = to compare")
})
