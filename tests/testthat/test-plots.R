skip_if_not_installed("ggplot2")

dot <- 4
scale <- 0.5

# An image with a black dot at every spot, wider than high; dots lie at random.
dottedPlaces <- function() {
    cbind(
        x = c(20, 60, 130, 170, 250, 300, 340, 90, 200, 330, 40, 280),
        y = c(30, 150, 60, 210, 30, 100, 200, 220, 120, 20, 90, 160)
    )
}

dottedPixels <- function() {
    image <- matrix("#FFFFFF", 240, 360)
    places <- dottedPlaces()
    for (i in seq_len(nrow(places))) {
        rows <- places[i, 2] + seq_len(dot) - dot / 2
        columns <- places[i, 1] + seq_len(dot) - dot / 2
        image[rows, columns] <- "#000000"
    }
    image
}

dottedSpe <- function() {
    places <- dottedPlaces()
    counts <- toyCounts(6, nrow(places))
    x <- SpatialExperiment(
        list(counts = counts), spatialCoords = places / scale,
        colData = S4Vectors::DataFrame(
            sample_id = "a", one = rep("same", nrow(places))
        ),
        imgData = S4Vectors::DataFrame(
            sample_id = "a", image_id = "hires",
            data = I(list(SpatialImage(as.raster(dottedPixels())))),
            scaleFactor = scale
        )
    )
    x
}

dottedSeurat <- function() {
    skip_if_not_installed("Seurat")
    places <- dottedPlaces()
    counts <- toyCounts(6, nrow(places))
    rownames(counts) <- sub("_", "-", rownames(counts))
    x <- SeuratObject::CreateSeuratObject(counts)
    pixels <- array(
        t(col2rgb(dottedPixels())) / 255, c(240, 360, 3)
    )
    # Seurat keeps the row of the image as x.
    centroids <- SeuratObject::CreateCentroids(data.frame(
        x = places[, 2] / scale, y = places[, 1] / scale, cell = colnames(x)
    ))
    x[["slice"]] <- new("VisiumV2",
        image = pixels, assay = "RNA", key = "slice_",
        scale.factors = Seurat::scalefactors(
            spot = 2, fiducial = 3, hires = 1, lowres = scale
        ),
        boundaries = list(centroids = centroids)
    )
    x$one <- "same"
    x
}

rendered <- function(plot, width = 6, height = 5) {
    path <- tempfile(fileext = ".png")
    plot <- plot + ggplot2::theme(
        legend.position = "none", strip.text = ggplot2::element_blank()
    )
    suppressMessages(ggplot2::ggsave(
        path, plot,
        width = width, height = height, dpi = 120, bg = "white",
        device = grDevices::png, type = "cairo"
    ))
    readPicture(path)
}

# Centres (x, y) of the connected parts of a mask.
blobs <- function(mask) {
    label <- matrix(0L, nrow(mask), ncol(mask))
    found <- list()
    for (start in which(mask)) {
        if (label[start]) next
        queue <- start
        members <- integer()
        while (length(queue)) {
            queue <- queue[mask[queue] & !label[queue]]
            label[queue] <- 1L
            members <- c(members, queue)
            queue <- unique(c(
                queue - 1L, queue + 1L, queue - nrow(mask), queue + nrow(mask)
            ))
            queue <- queue[queue > 0 & queue <= length(mask)]
        }
        found <- c(found, list(colMeans(arrayInd(members, dim(mask)))[2:1]))
    }
    do.call(rbind, found)
}

expectDotsUnderSpots <- function(x) {
    image <- rendered(plotSpots(x))
    discs <- rendered(plotSpots(x, "one"))
    dark <- image[, , 1] < 0.35 & image[, , 3] < 0.35
    blue <- discs[, , 3] > 0.6 & discs[, , 1] < 0.15
    dots <- blobs(dark)
    spots <- blobs(blue)
    n <- nrow(dottedPlaces())
    expect_identical(c(nrow(dots), nrow(spots)), c(n, n))
    apart <- as.matrix(stats::dist(rbind(dots, spots)))[1:n, n + 1:n]
    expect_lt(max(apply(apart, 1, min)), 1.5)
    # No motion of the whole picture maps dots and spots onto each other: the
    # distances of the places themselves must come back.
    ratio <- as.vector(stats::dist(spots[order(spots[, 1]), ])) /
        as.vector(stats::dist(dottedPlaces()[order(dottedPlaces()[, 1]), ]))
    expect_lt(diff(range(ratio)) / mean(ratio), 0.1)
}

test_that("dots of the image lie under the spots of a SpatialExperiment", {
    expectDotsUnderSpots(dottedSpe())
})

test_that("dots of the image lie under the spots of a Seurat object", {
    expectDotsUnderSpots(dottedSeurat())
})

test_that("several sections are panels, each with its own image", {
    x <- exampleBulb()
    built <- ggplot2::ggplot_build(plotSpots(x, "layer"))
    expect_identical(nrow(built$layout$layout), 2L)
    images <- vapply(built$plot$layers, function(l) {
        inherits(l$geom, "GeomRasterAnn")
    }, TRUE)
    panels <- vapply(which(images), function(i) {
        as.integer(unique(built$data[[i]]$PANEL))
    }, 1L)
    expect_identical(panels, 1:2)
    one <- plotSpots(x, "layer", sections = "Rep9")
    expect_identical(nrow(ggplot2::ggplot_build(one)$layout$layout), 1L)
})

test_that("colours are those of the values, missing ones grey", {
    x <- dottedSpe()
    x$side <- rep(c("left", "right", NA), 4)
    plot <- plotSpots(x, "side")
    data <- ggplot2::layer_data(plot, length(plot$layers))
    fill <- data$fill[!duplicated(data$group)]
    group <- unique(data$group)
    expect_setequal(fill, c("#0072B2", "#E69F00", "#DDDDDD"))
    x$depth <- seq_len(12) + 0
    data <- ggplot2::layer_data(plotSpots(x, "depth"), 4)
    expect_identical(length(unique(data$fill)), 12L)
})

test_that("genes are log-normalised, and other sources are read as they are", {
    x <- dottedSpe()
    counts <- as.matrix(assay(x, "counts"))
    expected <- log1p(counts["gene_2", ] / colSums(counts) * 1e4)
    expect_equal(valuesOf(x, "gene_2")$values, unname(expected))
    altExp(x, "predicted") <- SummarizedExperiment::SummarizedExperiment(
        list(predicted = counts[2:3, ] / 2)
    )
    expect_equal(
        valuesOf(x, "gene_2", "predicted")$values,
        unname(counts["gene_2", ]) / 2
    )
    expect_equal(
        valuesOf(x, "gene_2", "counts")$values, unname(counts["gene_2", ])
    )
    expect_s3_class(plotSpots(x, "gene_2", source = "predicted"), "ggplot")
})

test_that("a pair tells the correlation", {
    x <- dottedSpe()
    truth <- matrix(
        valuesOf(x, "gene_3")$values, 1,
        dimnames = list("gene_3", colnames(x))
    )
    for (sign in c(1, -1)) {
        altExp(x, "predicted") <- SummarizedExperiment::SummarizedExperiment(
            list(predicted = sign * truth)
        )
        plot <- plotExpressionPair(x, "gene_3")
        titles <- unlist(plot$facet$params$labeller(data.frame(panel = 1:3)))
        expect_match(titles[3], sprintf("r = %.2f", sign), fixed = TRUE)
    }
})

test_that("labels and domains share no colour", {
    x <- dottedSpe()
    x$domain <- factor(rep(1:2, 6))
    x$layer <- rep(c("in", "out"), 6)
    plot <- plotDomains(x, truth = "layer")
    data <- ggplot2::layer_data(plot, length(plot$layers))
    fills <- split(data$fill, data$PANEL)
    expect_length(intersect(fills[[1]], fills[[2]]), 0)
    # A name in both columns is not one class.
    x$layer <- c("2", "1", NA)
    plot <- plotDomains(x, truth = "layer")
    data <- ggplot2::layer_data(plot, length(plot$layers))
    fill <- data$fill[!duplicated(data$group)]
    expect_identical(fill[1:3], c(colours[2], colours[1], missingColour))
    expect_identical(fill[13:15], colours[c(3, 4, 3)])
    scale <- ggplot2::ggplot_build(plot)$plot$scales$get_scales("fill")
    shown <- vapply(scale$get_labels(), function(text) {
        if (is.call(text)) paste("bold", text[[2]]) else as.character(text)
    }, "")
    expect_identical(
        unname(shown), c("bold layer", "1", "2", "bold domain", "1", "2")
    )
})

test_that("proportions are drawn as panels, pies and dominant types", {
    x <- dottedSpe()
    shares <- matrix(c(0, 1, 0), 3, 12,
        dimnames = list(c("A", "B", "C"), colnames(x))
    )
    shares[, 1] <- c(0, 0, 1)
    shares[, 2] <- c(0.25, 0.75, 0)
    shares[, 3] <- NA
    x <- place(x, "altExps", "proportions", shares)
    panels <- ggplot2::ggplot_build(plotProportions(x))
    expect_identical(nrow(panels$layout$layout), 3L)
    pie <- plotProportions(x, kind = "pies")
    data <- ggplot2::layer_data(pie, length(pie$layers))
    expect_identical(length(unique(data$group)), 12L)
    expect_setequal(data$fill, unname(paletteOf(c("A", "B", "C"))))
    expect_identical(
        as.character(dominantType(shares))[1:4], c("C", "B", NA, "B")
    )
    quarter <- wedge(c(0, 0), 1, 0, 0.25)
    expect_equal(quarter[2, ], c(0, -1))
    expect_equal(quarter[nrow(quarter), ], c(1, 0))
})

test_that("sections that were aligned coincide", {
    x <- toySpe()
    one <- spatialCoords(x)[1:3, ]
    reducedDim(x, "aligned") <- rbind(one, one, one)
    data <- ggplot2::layer_data(plotSections(x))
    after <- data[data$PANEL == 2, ]
    expect_equal(after$x[1:3], after$x[4:6])
    expect_equal(after$y[1:3], after$y[7:9])
    expect_identical(length(unique(after$colour)), 3L)
})

# The systems of every panel, from the lowest up.
systemsShown <- function(plot) {
    panels <- ggplot2::ggplot_build(plot)$layout$panel_params
    lapply(panels, function(panel) as.vector(unname(panel$y$get_labels())))
}

test_that("benchmarks and leaks are drawn, and less may be better", {
    scores <- data.frame(
        system = c("bad", "good"), status = c("baseline", "house"),
        protocol = "patients", fold = "all",
        metric = rep(c("pearson_gene", "rmse_spot"), each = 2),
        value = c(0.1, 0.5, 0.3, 0.1), lower = c(0, 0.4, NA, NA),
        upper = c(0.2, 0.6, NA, NA)
    )
    for (metric in c("pearson_gene", "rmse_spot")) {
        plot <- plotBenchmark(scores, metric)
        expect_identical(systemsShown(plot), list(c("bad", "good")))
    }
    # Protocols keep their order, and each has its own order of systems.
    again <- scores
    again$protocol <- "blocks"
    again$value[3:4] <- c(0.1, 0.3)
    plot <- plotBenchmark(rbind(scores, again), "rmse_spot")
    expect_identical(
        systemsShown(plot), list(c("bad", "good"), c("good", "bad"))
    )
    expect_identical(levels(plot$data$protocol), c("patients", "blocks"))
    scores$value[1] <- -0.001
    drawn <- ggplot2::ggplot_build(plotBenchmark(scores, "pearson_gene"))
    labels <- Filter(function(d) "label" %in% names(d), drawn$data)[[1]]$label
    expect_setequal(labels, c("0.00", "0.50"))
    made <- new("Benchmark", table = scores, headline = data.frame(
        system = "good", rmse_spot = 0.1
    ))
    expect_match(plotBenchmark(made)$labels$x, "rmse_spot (less", fixed = TRUE)
    expect_error(plotBenchmark(scores, "ari"), "rmse_spot")
    leaks <- data.frame(
        split = c("one", "two"), overlapping_spots = c(0, 3),
        duplicated_spots = 0
    )
    data <- ggplot2::layer_data(plotLeakage(leaks), 2)
    expect_identical(nrow(data), 1L)
    expect_error(plotLeakage(data.frame(a = 1)), "audit")
})

test_that("Python and R agree on metrics that are better when less", {
    skipWithoutPython()
    metrics <- listMetrics()
    expect_setequal(lessIsBetter, metrics$name[metrics$better == "less"])
})

test_that("what is missing is named with what there is", {
    x <- dottedSpe()
    expect_error(plotSpots(x, "gone"), "gene_1")
    expect_error(plotSpots(x, "gone"), "sample_id")
    expect_error(plotSpots(x, "one", sections = "b"), "available: a")
    expect_error(plotSpots(x, "gene_1", source = "no"), "counts")
    expect_error(plotExpressionPair(x, "gene_1"), "predicted")
    expect_error(plotDomains(x), "domain")
    expect_error(plotProportions(x), "proportions")
    expect_error(plotSections(x), "alignSections")
    expect_error(plotSpots(exampleReference(), "cell_type"), "coordinates")
    expect_error(plotSpots(1:3, "a"), "SpatialExperiment")
})

test_that("a section becomes a page", {
    skipWithoutPython()
    file <- tempfile(fileext = ".html")
    path <- viewSection(dottedSpe(), file, genes = c("gene_1", "gene_2"))
    expect_identical(path, normalizePath(file))
    expect_match(paste(readLines(file, warn = FALSE), collapse = ""), "gene_2")
    expect_error(viewSection(dottedSpe(), file, "b"), "available: a")
    expect_true(file.exists(
        viewSection(dottedSeurat(), tempfile(fileext = ".html"), genes = 2)
    ))
})
