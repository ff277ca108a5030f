# Folds, audits and workers, the same in both languages.
splitterSettings <- list(
    blocks = list(nSplits = 3, shape = "hex", balanceBy = "layer"),
    kmeans = list(by = "blocks", nSplits = 2, shape = "kmeans"),
    auto = list(by = "blocks", nSplits = 2, blockMicrons = "auto", patchMicrons = 100),
    section = list(), patient = list(), site = list(),
    group = list(key = "layer"), spot = list(nTests = 5),
    distance = list(nSplits = 3)
)

bulbWithSites <- function() {
    x <- exampleBulb()
    x$site <- ifelse(x$patient == "animal A", "north", "south")
    x
}

# The bulbs as a Seurat user has them: one Visium image per section.
seuratBulb <- function(x) {
    y <- SeuratObject::CreateSeuratObject(
        SeuratObject::CreateAssay5Object(counts(x)),
        meta.data = as.data.frame(colData(x))
    )
    for (section in unique(x$sample_id)) {
        mine <- x$sample_id == section
        image <- toyVisium("VisiumV2", colnames(x)[mine])
        where <- spatialCoords(x)[mine, ]
        image@boundaries$centroids <- SeuratObject::CreateCentroids(data.frame(
            x = where[, "y"], y = where[, "x"], cell = colnames(x)[mine]
        ))
        image@key <- paste0(tolower(section), "_")
        y[[section]] <- image
    }
    micronsPerPixel(y) <- micronsPerPixel(x)
    y
}

pythonFolds <- function(adata, by, settings) {
    names(settings) <- snake(nameOf(settings))
    settings <- lapply(settings, pythonArgument)
    make <- core()$evaluation$spatial_folds
    folds <- do.call(make, c(list(adata, by, audit = FALSE), settings))
    py_to_r(reticulate::import_builtins(convert = FALSE)$list(
        folds$members$to_dict("records")
    ))
}

test_that("every splitter gives Python's folds, on every class of object", {
    skipWithoutPython()
    skip_if_not_installed("Seurat")
    x <- bulbWithSites()
    objects <- list(spe = x, seurat = seuratBulb(x))
    # The sample as Python reads it, not as it comes through the bridge.
    adata <- core()$data$example_bulb()
    site <- as.list(x$site)
    adata$obs["site"] <- r_to_py(site)
    for (name in names(splitterSettings)) {
        settings <- splitterSettings[[name]]
        by <- if (is.null(settings$by)) name else settings$by
        settings$by <- NULL
        expected <- pythonFolds(adata, by, settings)
        for (kind in names(objects)) {
            folds <- do.call(spatialFolds, c(
                list(objects[[kind]], by = by, audit = FALSE), settings
            ))
            members <- as.data.frame(folds, what = "members")
            expect_identical(
                members$split,
                vapply(expected, function(m) as.integer(m$split), 1L) + 1L,
                info = paste(name, kind)
            )
            expect_identical(
                members$spot,
                vapply(expected, function(m) as.integer(m$spot), 1L) + 1L,
                info = paste(name, kind)
            )
            expect_identical(folds@spots, colnames(x))
        }
    }
})

test_that("folds say who is trained on, and survive a file", {
    skipWithoutPython()
    x <- bulbWithSites()
    folds <- spatialFolds(x, "patient")
    expect_identical(length(folds), 2L)
    expect_identical(names(folds), c("test animal A", "test animal D"))
    ours <- colnames(x)[x$patient == "animal A"]
    expect_setequal(testSpots(folds, "test animal A"), ours)
    expect_setequal(trainSpots(folds, 1), setdiff(colnames(x), ours))
    expect_error(trainSpots(folds, 3), "expected one split; found 3")
    expect_identical(as.data.frame(folds)$leaks, c("", ""))
    expect_output(show(folds), "2 splits of 501 spots")
    file <- tempfile()
    saveRDS(folds, file)
    expect_identical(readRDS(file), folds)
    expect_error(spatialFolds(x, "luck"), "expected what folds are made by")
    x$patient <- rep_len(c("one", "two"), ncol(x))
    expect_error(spatialFolds(x, "patient"), "one patient per section")
})

test_that("folds of someone else are audited, with their predictions", {
    skipWithoutPython()
    x <- exampleBulb("Rep4")[1:60, ]
    set.seed(1)
    labels <- sample(3, ncol(x), TRUE)
    found <- auditSplit(x, labels)
    expect_identical(unique(found$split), paste("fold", 1:3))
    expect_identical(nrow(found), 3L * 14L)
    expect_true(all(found$status[found$flag == "k"] == "leak"))
    clean <- auditSplit(x, spatialFolds(x, nSplits = 2, patchMicrons = 50))
    expect_true(all(clean$status[clean$flag == "k"] == "clean"))
    folds <- asFolds(x, labels)
    predictions <- lapply(1:3, function(i) {
        spots <- testSpots(folds, i)
        as.matrix(log1p(counts(x)[1:20, spots]))
    })
    told <- auditSplit(
        x, folds, predictions,
        fittedOn = list(training = colnames(x), checkpoint = colnames(x))
    )
    expect_true(all(told$status[told$flag == "n"] == "leak"))
    expect_true(all(told$status[told$flag == "f"] == "leak"))
    expect_error(auditSplit(x, labels[-1]), "two folds or more")
    expect_error(auditSplit(x, folds, list(1)), "matrices of genes x spots")
})

test_that("a benchmark takes folds, counts its jobs and tells their cost", {
    skipWithoutPython()
    x <- exampleBulb()[, c(1:60, 300:360)]
    told <- NULL
    run <- function(...) {
        benchmarkTranslation(
            x, "train_mean", genes = 10, nBootstrap = 5, ...
        )
    }
    found <- run(
        folds = spatialFolds(x, "patient"),
        progress = function(done, total) {
            told <<- rbind(told, c(done, total))
        }
    )
    expected <- run(protocols = "patients")
    expect_equal(
        as.data.frame(found)$value, as.data.frame(expected)$value
    )
    expect_identical(told[, 1], seq_len(told[1, 2]))
    runs <- as.data.frame(found, what = "runs")
    expect_true(all(c("cpu_s", "energy_kwh", "measured") %in% names(runs)))
    expect_match(runs$estimated, "energy_kwh")
    whole <- summary(found)
    expect_identical(anyDuplicated(paste(whole$system, whole$metric)), 0L)
    labels <- as.integer(factor(x$patient))
    expect_equal(
        sort(as.data.frame(run(folds = labels))$value),
        sort(as.data.frame(expected)$value)
    )
})

test_that("the line of progress says how much time is left", {
    lines <- capture_messages({
        tell <- progressLine("jobs")
        tell(1, 2)
        tell(2, 2)
    })
    expect_match(paste(lines, collapse = ""), "jobs: 2 of 2 jobs, 0:00:00 left")
    expect_identical(asClock(3725.2), "1:02:05")
})

startCluster <- function() {
    code <- paste(
        "import sys, time",
        "from dask.distributed import LocalCluster",
        "if __name__ == '__main__':",
        "    with LocalCluster(n_workers=2, threads_per_worker=1,",
        "                      dashboard_address=None) as cluster:",
        "        open(sys.argv[1], 'w').write(cluster.scheduler_address)",
        "        sys.stdin.read()",
        sep = "\n"
    )
    script <- tempfile(fileext = ".py")
    address <- tempfile()
    writeLines(code, script)
    python <- reticulate::py_config()$python
    path <- system.file("python", package = "HistoBridge")
    # The pipe's end is the cluster's end.
    pipe <- pipe(sprintf(
        "PYTHONPATH=%s %s %s %s", shQuote(path), shQuote(python),
        shQuote(script), shQuote(address)
    ), "w")
    until <- Sys.time() + 60
    while (!file.exists(address) || !file.size(address)) {
        if (Sys.time() > until) {
            close(pipe)
            skip("no Dask cluster within a minute")
        }
        Sys.sleep(0.1)
    }
    list(address = readLines(address, warn = FALSE), pipe = pipe)
}

test_that("a Dask cluster gives the table of this process", {
    skipWithoutPython()
    skip_if_not(reticulate::py_module_available("dask.distributed"))
    cluster <- startCluster()
    on.exit(close(cluster$pipe))
    x <- exampleMixture()[, 1:30]
    run <- function(...) {
        as.data.frame(benchmarkDeconvolution(
            x, exampleReference(), "true_proportions",
            nBootstrap = 5, ...
        ))[c("system", "metric", "value", "lower", "upper")]
    }
    expect_equal(run(cluster = cluster$address), run())
    expect_error(
        run(cluster = cluster$address, workers = 2), "workers or a cluster"
    )
})

test_that("what the image adds is told with an interval", {
    skipWithoutPython()
    x <- addMorphology(
        exampleBulb("Rep9"), "colour",
        cache = FALSE, progress = FALSE
    )
    found <- imageValue(x, genes = 10, draws = 2, nBootstrap = 20)
    expect_identical(found$arm[1], "covariates and image")
    own <- found[found$arm == "covariates" & found$metric == "pearson_gene", ]
    expect_true(own$added_lower <= own$added && own$added <= own$added_upper)
    expect_false(anyNA(found$p[found$arm == "shifted image"]))
    domains <- imageValue(
        x, "domains",
        truth = "layer", draws = 1, nBootstrap = 5
    )
    expect_true("no image" %in% domains$arm)
})
