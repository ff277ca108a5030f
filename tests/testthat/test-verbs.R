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
    expect_type(y$predicted_in_scope, "logical")
    known <- modelReliability(model)
    expect_identical(rownames(known), modelGenes(model))
    expect_gt(mean(known$expectedPearson), 0.1)
    expect_true(all(known$halfWidth > 0))
    again <- predictExpression(y, model)
    expect_identical(altExpNames(again), altExpNames(y))
    path <- writeReport(list(predicted = y), tempfile(fileext = ".html"))
    expect_gt(file.size(path), 5e4) # Pictures of genes, not settings alone.
    believed <- predictExpression(test, model, reliable = TRUE)
    expect_identical(
        rownames(altExp(believed, "predicted")),
        modelGenes(model)[known$expectedPearson >= 0.3]
    )
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

test_that("domains say how many runs agree on them", {
    skipWithoutPython()
    x <- exampleBulb("Rep4")[, 1:100]
    told <- list()
    progress <- function(done, total) told <<- c(told, list(c(done, total)))
    y <- findDomains(x, k = 4, seeds = 4, progress = progress)
    expect_true(all(y$domain_support >= 0.25 & y$domain_support <= 1))
    settings <- metadata(y)$HistoBridge$domain
    expect_identical(settings$seeds, 4L)
    expect_lte(settings$run_agreement, 1)
    expect_identical(told, list(c(3L, 4L), c(4L, 4L)))
    # One run has nothing to compare, and nothing of four stays.
    z <- findDomains(y, k = 4, seeds = 1)
    expect_null(z$domain_support)
    expect_error(findDomains(x, k = 4, seeds = 0), "seeds, a whole number")
})

test_that("an embedding is a reducedDim, the one that domains come from", {
    skipWithoutPython()
    x <- exampleBulb("Rep4")[, 1:100]
    y <- runIntegration(x, "stagate", epochs = 3)
    embedding <- reducedDim(y, "integration")
    expect_identical(dim(embedding), c(100L, 30L))
    expect_identical(rownames(embedding), colnames(x))
    expectKept(y, x, "integration")
    z <- findDomains(x, k = 3, system = "stagate", epochs = 3)
    expect_identical(
        unname(reducedDim(z, "domain_embedding")), unname(embedding)
    )
    marked <- runIntegration(x, "graphpca", asPublished = TRUE)
    expect_true(metadata(marked)$HistoBridge$integration$as_published)
    expect_error(
        runIntegration(x, "pca_mixture"), "found the baseline 'pca_mixture'"
    )
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

test_that("published systems give what else they know beside proportions", {
    skipWithoutPython()
    x <- exampleMixture()[, 1:20]
    y <- deconvolve(
        x, exampleReference(),
        system = "rctd", name = "pairs", mode = "doublet", sigma = 0.6
    )
    expect_equal(unname(colSums(assay(altExp(y, "pairs")))), rep(1, 20))
    expect_true(all(y$pairs_first_type %in% rownames(altExp(y, "pairs"))))
    expectKept(y, x, "pairs")
    y <- deconvolve(x, exampleReference(), graph = "none", level = 0.9)
    low <- assay(altExp(y, "proportions_lower"))
    expect_true(all(low <= assay(altExp(y, "proportions_upper"))))
    expectKept(y, x, "proportions")
})

test_that("systems are listed, and a wrong task or name is refused", {
    skipWithoutPython()
    systems <- listSystems()
    expect_true("ridge_plus" %in% systems$name)
    expect_identical(
        names(systems),
        c(
            "name", "task", "status", "needs", "paper", "summary", "evidence",
            "deviations"
        )
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
        list(cortex = y, shares = benchmark), path,
        title = "A title"
    )
    expect_identical(written, path)
    html <- paste(readLines(path, warn = FALSE), collapse = "")
    expect_match(html, "A title", fixed = TRUE)
    expect_match(html, "cortex", fixed = TRUE)
    expect_match(html, "poisson_image", fixed = TRUE)
    expect_error(writeReport(list(), path), "expected benchmarks, held-out")
    beside <- file.path(dirname(path), c(
        "report-model-card.md", "report-checklist.yaml",
        "report-croissant.json", "ro-crate-metadata.json"
    ))
    expect_true(all(file.exists(beside)))
    expect_error(writeReport(3, path), "^expected .*; found ")
})

test_that("held-out predictions reach R and a report", {
    skipWithoutPython()
    held <- holdOut(bulbWithColour()[, 1:120], genes = 6L)
    genes <- as.data.frame(held)
    expect_identical(length(unique(genes$gene)) >= 6, TRUE)
    expect_true(all(abs(genes$pearson) <= 1))
    audit <- as.data.frame(held, what = "audit")
    expect_setequal(audit$flag, letters[1:14])
    expect_true(all(is.finite(as.data.frame(held, what = "spots")$error)))
    expect_output(show(held), "Mean Pearson")
    path <- writeReport(held, tempfile(fileext = ".html"))
    expect_match(
        paste(readLines(path, warn = FALSE), collapse = ""),
        "best, median and worst gene",
        fixed = TRUE
    )
})

test_that("metrics are listed with range and direction", {
    skipWithoutPython()
    metrics <- listMetrics()
    expect_true(all(c("pearson_gene", "ari", "rmse_spot") %in% metrics$name))
    expect_true(all(metrics$low < metrics$high))
    expect_setequal(listMetrics("domains")$task, "domains")
})

test_that("a loaded model predicts the same, and a changed file is refused", {
    skipWithoutPython()
    x <- bulbWithColour()[, 1:60]
    model <- trainTranslation(x, genes = 5L)
    path <- saveModel(model, tempfile())
    expect_identical(
        SummarizedExperiment::assay(altExp(
            predictExpression(x, loadModel(path)), "predicted"
        )),
        SummarizedExperiment::assay(altExp(
            predictExpression(x, model), "predicted"
        ))
    )
    content <- readBin(path, "raw", file.size(path))
    content[length(content)] <- xor(content[length(content)], as.raw(1))
    writeBin(content, path)
    expect_error(loadModel(path), "expected .*; found one changed since")
    saveRDS(1:3, path)
    expect_error(loadModel(path), "expected a file written by save_model")
})
