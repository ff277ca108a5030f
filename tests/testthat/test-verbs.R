# The verbs on the shipped tissue, small enough to be quick.
bulbWithColour <- function(sections = c("Rep4", "Rep9")) {
    addMorphology(
        exampleBulb(sections), "colour",
        cache = FALSE, progress = FALSE
    )
}

# All that a verb has not written is as it was.
expectKept <- function(y, x, name) {
    expect_identical(forget(y, name), x)
}

test_that("morphology is one row per spot, with names and settings", {
    skipWithoutPython()
    x <- exampleBulb("Rep4")
    y <- bulbWithColour("Rep4")
    features <- reducedDim(y, "morphology")
    expect_identical(rownames(features), colnames(x))
    expect_false(anyNA(features))
    expect_identical(
        colnames(features), metadata(y)$HistoBridge$morphology$columns
    )
    expectKept(y, x, "morphology")
})

test_that("morphology is what Python computes", {
    skipWithoutPython()
    adata <- core()$data$example_bulb(list("Rep4"))
    callPython(
        core()$add_morphology, adata, list("colour"),
        cache = FALSE, progress = FALSE
    )
    expect_equal(
        unname(reducedDim(bulbWithColour("Rep4"), "morphology")),
        pull(adata, "obsm", "morphology")
    )
})

test_that("a model trained on one animal predicts the other", {
    skipWithoutPython()
    x <- bulbWithColour()
    model <- trainTranslation(x[, x$sample_id == "Rep4"], genes = 15)
    expect_length(modelGenes(model), 15)
    expect_output(show(model), "TranslationModel ridge_plus.*15 genes")
    test <- x[, x$sample_id == "Rep9"]
    y <- predictExpression(test, model)
    predicted <- assay(altExp(y, "predicted"))
    expect_identical(
        dimnames(predicted), list(modelGenes(model), colnames(test))
    )
    measured <- log1p(assay(test, "counts")[modelGenes(model), ])
    scores <- diag(stats::cor(t(as.matrix(measured)), t(predicted)))
    expect_gt(mean(scores), 0.1)
    expectKept(y, test, "predicted")
})

test_that("a model predicts spots without counts, and survives a file", {
    skipWithoutPython()
    x <- bulbWithColour("Rep4")
    x <- x[, 1:80]
    model <- trainTranslation(x, genes = 5)
    path <- saveModel(model, tempfile())
    again <- loadModel(path)
    expect_identical(modelSettings(again), modelSettings(model))
    blind <- x
    assays(blind) <- list(logcounts = log1p(assay(x)))
    expect_identical(
        altExp(predictExpression(blind, again), "predicted"),
        altExp(predictExpression(x, model), "predicted")
    )
    saveRDS(model, path)
    expect_error(
        predictExpression(x, readRDS(path)), "Python side is gone"
    )
})

test_that("domains are a factor with k levels", {
    skipWithoutPython()
    x <- exampleBulb("Rep4")[, 1:100]
    y <- findDomains(x, k = 5)
    expect_s3_class(y$domain, "factor")
    expect_gte(nlevels(y$domain), 2)
    expect_lte(nlevels(y$domain), 5)
    expect_false(anyNA(y$domain))
    embedding <- reducedDim(y, "domain_embedding")
    expect_identical(rownames(embedding), colnames(x))
    expectKept(y, x, "domain")
    expect_identical(findDomains(y, k = 5), y)
})

test_that("proportions are an altExp of types x spots", {
    skipWithoutPython()
    x <- exampleMixture()[, 1:40]
    assay(x)[, 3] <- 0
    reference <- exampleReference()
    y <- deconvolve(x, reference)
    shares <- assay(altExp(y, "proportions"))
    expect_setequal(rownames(shares), levels(reference$cell_type))
    expect_equal(unname(colSums(shares))[-3], rep(1, 39))
    expect_true(all(is.na(shares[, 3])))
    expect_identical(length(y$proportions_status), 40L)
    expectKept(y, x, "proportions")
    rownames(reference) <- paste0("other", seq_len(nrow(reference)))
    expect_error(deconvolve(x, reference), "genes shared by spots")
    reference <- exampleReference()
    reference$cell_type <- "one"
    expect_error(deconvolve(x, reference), "at least two classes")
})

test_that("systems are listed, and a wrong task or name is refused", {
    skipWithoutPython()
    systems <- listSystems()
    expect_true("ridge_plus" %in% systems$name)
    expect_identical(
        names(systems),
        c("name", "task", "status", "needs", "paper", "summary", "evidence")
    )
    expect_error(
        trainTranslation(bulbWithColour("Rep4"), "nothing"),
        "expected the name of a translation system; found 'nothing'"
    )
})

test_that("a benchmark shows its headline and becomes a data frame", {
    scores <- data.frame(system = "ridge_plus", metric = "mse", value = 1)
    headline <- data.frame(
        dataset = "bulb", protocol = c("patients", "blocks"),
        system = "ridge_plus", status = "house",
        pearson_gene = c(0.4, NA), lower = c(0.31, NA), upper = c(0.52, NA)
    )
    benchmark <- new("Benchmark",
        table = scores, headline = headline,
        audit = data.frame(split = 1:3, leaks = c("", "shared", "")),
        settings = list()
    )
    expect_identical(as.data.frame(benchmark), scores)
    expect_identical(nrow(as.data.frame(benchmark, what = "audit")), 3L)
    shown <- capture_output(show(benchmark))
    expect_match(shown, "Protocol: patients.*0.400 0.310 to 0.520")
    expect_match(shown, "Protocol: blocks")
    expect_no_match(shown, "mse|NA")
    expect_match(shown, "audited: 3 - with leaks: 1")
})

# R's table has to be Python's, number by number.
expectSameTable <- function(benchmark, python) {
    ours <- as.data.frame(benchmark)
    theirs <- fromFrame(python$table)
    kept <- setdiff(names(theirs), c("seconds", "peak_mb", "date"))
    expect_equal(ours[kept], theirs[kept], tolerance = 1e-6)
}

firstSpots <- function(adata, n) {
    reticulate::py_run_string(
        "def first_spots(a, n): return a[:n].copy()",
        convert = FALSE
    )
    main <- reticulate::import_main(convert = FALSE)
    callPython(main$first_spots, adata, n)
}

test_that("a benchmark of deconvolution gives Python's numbers", {
    skipWithoutPython()
    benchmark <- benchmarkDeconvolution(
        exampleMixture()[, 1:60], exampleReference(),
        nBootstrap = 20
    )
    expect_true("poisson_image" %in% as.data.frame(benchmark)$system)
    expectSameTable(benchmark, callPython(
        core()$benchmark_deconvolution,
        firstSpots(core()$data$example_mixture(), 60),
        core()$data$example_reference(),
        nBootstrap = 20, progress = FALSE
    ))
})

test_that("a benchmark of domains gives Python's numbers", {
    skipWithoutPython()
    benchmark <- benchmarkDomains(
        exampleBulb("Rep9")[, 1:80], "layer",
        systems = "gpca_consensus", seeds = 2, nBootstrap = 20
    )
    expect_output(show(benchmark), "gpca_consensus")
    expectSameTable(benchmark, callPython(
        core()$benchmark_domains,
        firstSpots(core()$data$example_bulb(list("Rep9")), 80), "layer",
        systems = list("gpca_consensus"), seeds = 2, nBootstrap = 20,
        progress = FALSE
    ))
})

test_that("a benchmark of translation has an audit of its splits", {
    skipWithoutPython()
    benchmark <- benchmarkTranslation(
        bulbWithColour()[, c(1:60, 300:360)],
        protocols = "patients", genes = 10, nBootstrap = 20
    )
    scores <- as.data.frame(benchmark)
    expect_true("ridge_plus" %in% scores$system)
    expect_identical(unique(scores$protocol), "patients")
    expect_gt(nrow(as.data.frame(benchmark, what = "audit")), 0)
    expect_error(
        benchmarkTranslation(exampleMixture(), protocols = "patients"),
        "^expected .*; found "
    )
})

test_that("a report is one file that holds objects and benchmarks", {
    skipWithoutPython()
    path <- file.path(normalizePath(tempdir()), "report.html")
    x <- exampleMixture()[, 1:40]
    y <- deconvolve(x, exampleReference())
    benchmark <- benchmarkDeconvolution(
        x, exampleReference(),
        nBootstrap = 5
    )
    written <- writeReport(
        path, list(cortex = y), list(shares = benchmark),
        title = "A title"
    )
    expect_identical(written, path)
    html <- paste(readLines(path, warn = FALSE), collapse = "")
    expect_match(html, "A title", fixed = TRUE)
    expect_match(html, "cortex", fixed = TRUE)
    expect_match(html, "poisson_image", fixed = TRUE)
    expect_error(writeReport(path), "expected benchmarks, or objects")
})
