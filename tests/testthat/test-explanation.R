explained <- function(passes = FALSE, edges = passes) {
    values <- array(0, c(2, 3, 3))
    values[2, 1, 3] <- 5
    values[2, 3, 1] <- -5
    patches <- array(seq_len(54) %% 256L, c(2, 3, 3, 3))
    new("Explanation",
        maps = list(occlusion = values, linear = values),
        patches = patches,
        tables = list(
            verdict = data.frame(
                method = c("occlusion", "linear"),
                passes = c(TRUE, passes), beats_edges = c(TRUE, edges),
                reason = c("", if (edges) "" else "no better")
            ),
            spots = data.frame(spot = c("a", "b"), prediction = 1:2)
        ),
        settings = list(target = "Penk")
    )
}

test_that("an explanation from Python arrives as arrays and data frames", {
    skipWithoutPython()
    x <- addMorphology(
        exampleBulb("Rep4"), "colour",
        patchMicrons = 60, cache = FALSE, progress = FALSE
    )
    model <- trainTranslation(x, "hest_ridge", genes = c("Penk", "Th"))
    before <- x
    found <- explainTranslation(
        model, x, "Penk",
        methods = "linear", spots = colnames(x)[c(40, 7)], nUnits = 4,
        steps = 2, regions = "layer"
    )
    expect_identical(x, before)
    maps <- saliencyMaps(found, "linear")
    expect_identical(dim(maps), dim(found@patches)[1:3])
    spots <- as.data.frame(found, what = "spots")
    expect_identical(spots$spot, colnames(x)[c(40, 7)])
    predicted <- altExp(predictExpression(x, model), "predicted")
    expect_equal(
        spots$prediction,
        unname(SummarizedExperiment::assay(predicted)["Penk", c(40, 7)])
    )
    python <- callPython(
        core()$explain_translation, model@python, asAnnData(x), "Penk",
        methods = list("linear"), spots = as.list(colnames(x)[c(40, 7)]),
        nUnits = 4, steps = 2
    )
    map <- py_to_r(python$maps)$linear
    expect_equal(maps, map, ignore_attr = TRUE, tolerance = 1e-6)
    patch <- py_to_r(python$patches)
    expect_equal(found@patches, patch, ignore_attr = TRUE)
    shares <- as.data.frame(found, what = "contributions")
    expect_equal(
        diff(rowsum(shares$value, shares$spot, reorder = FALSE)[, 1]),
        diff(spots$prediction),
        ignore_attr = TRUE, tolerance = 1e-6
    )
    tests <- as.data.frame(found)
    expect_setequal(
        tests$test[tests$control == "random"],
        c("deletion", "insertion", "road")
    )
    expect_output(show(found), "linear: FAILS: fewer than 6 spots")
    path <- tempfile(fileext = ".rds")
    saveRDS(found, path)
    expect_identical(readRDS(path)@maps, found@maps)
    expect_error(
        explainTranslation(model, x, "Penk", methods = "grad_cam"),
        "needs convolutions and gradients; available: occlusion, linear"
    )
    expect_error(saliencyMaps(found, "grad_cam"), "method that was run")
})

test_that("failing maps say so in the picture", {
    skip_if_not_installed("ggplot2")
    built <- ggplot2::ggplot_build(plotSaliency(explained()))
    titles <- levels(built$layout$layout$panel)
    expect_identical(
        titles, c("patch", "occlusion", "linear\nFAILED its test")
    )
    crosses <- built$data[[2]]
    expect_identical(nrow(crosses), 4L)
    expect_setequal(
        built$layout$layout$panel[
            match(crosses$PANEL, built$layout$layout$PANEL)
        ],
        "linear\nFAILED its test"
    )
    expect_setequal(
        levels(built$layout$layout$spot),
        c("a\npredicted 1.00", "b\npredicted 2.00")
    )
    clean <- ggplot2::ggplot_build(plotSaliency(explained(passes = TRUE)))
    expect_false(any(grepl("FAILED", levels(clean$layout$layout$panel))))
    expect_identical(nrow(clean$data[[2]]), 0L)
    tied <- explained(passes = TRUE, edges = FALSE)
    expect_output(show(tied), "linear: passes, but no better")
    expect_identical(
        levels(plotSaliency(tied)$data$panel)[3], "linear\nno better than edges"
    )
})

test_that("pixels are drawn where they are, evidence in red", {
    skip_if_not_installed("ggplot2")
    picture <- plotSaliency(explained(), spots = "b", methods = "occlusion")
    pixels <- picture$data
    patch <- pixels[pixels$panel == "patch", ]
    at <- patch$row == 1 & patch$column == 3
    expect_identical(
        patch$colour[at],
        grDevices::rgb(t(explained()@patches[2, 1, 3, ]), maxColorValue = 255)
    )
    map <- pixels[pixels$panel == "occlusion", ]
    shade <- grDevices::col2rgb(map$colour)
    red <- shade["red", ] - shade["blue", ]
    expect_identical(which.max(red), which(map$row == 1 & map$column == 3))
    expect_identical(which.min(red), which(map$row == 3 & map$column == 1))
    expect_error(plotSaliency(explained(), spots = "z"), "were explained")
    expect_error(plotSaliency(explained(), methods = "z"), "were run")
})
