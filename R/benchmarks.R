#' Score systems beside image-blind baselines
#'
#' Read what the verb of the task reads, and the truth; write nothing. Every
#' table holds each system beside baselines that never saw the image, and the
#' audit of every split for leakage. Everything fitted is fitted on training
#' spots. Where there are image features, deconvolution stands beside itself
#' without them (\code{"no_image"}) and with those of other spots
#' (\code{"shuffled_image"}).
#'
#' @param x a SpatialExperiment or Seurat object.
#' @param systems names of systems, the house systems when \code{NULL},
#'     \code{"all"} for every published one as well;
#'     baselines always run. See \code{\link{listSystems}}.
#' @param protocols among \code{"patients"} (leave one out; needs a column
#'     \code{patient}), \code{"sections"} and \code{"blocks"} (spatial blocks
#'     with a buffer).
#' @param folds in place of protocols: a \code{\linkS4class{SpatialFolds}}, or
#'     one label per spot. Domains and deconvolution train on nothing; their
#'     systems run on the test spots of each split, by default on each section
#'     and on all spots.
#' @param genes how many genes, chosen on training spots, or which.
#' @param truth for domains a column of \code{x} with labels, for deconvolution
#'     an altExp with true proportions, for resolution the object that the
#'     spots of \code{x} were made of.
#' @param k number of domains; as many as the truth has when \code{NULL}.
#' @param seeds number of runs of systems that are random, of which the median
#'     is reported; when \code{NULL} ten for domains, one for other tasks.
#' @param pixelMicrons,spotMicrons as in \code{\link{enhanceResolution}}.
#' @param reference,labels as in \code{\link{deconvolve}}.
#' @param seed seed of everything random.
#' @param workers,cluster how many processes of this machine work, or the
#'     address of a Dask scheduler (\code{"tcp://host:8786"}) whose workers have
#'     the Python package; a worker that dies gives its jobs back.
#' @param progress whether to show jobs done and time left; or a function of
#'     the two numbers done and total, e.g. around a \pkg{progressr} bar.
#' @param ... further arguments of the core, in camelCase: \code{folder} keeps
#'     finished jobs, so that a run that was killed goes on; \code{energy =
#'     "codecarbon"} measures what \code{"estimate"} estimates;
#'     \code{nBootstrap}; \code{dataset}; for domains \code{joint = TRUE}
#'     embeds all sections together and scores how they mix.
#' @return A \code{\linkS4class{Benchmark}}.
#' @examplesIf pythonReady()
#' x <- exampleMixture()[, 1:30]
#' benchmarkDeconvolution(x, exampleReference(), nBootstrap = 50)
#'
#' x <- exampleBulb("Rep9")
#' benchmarkTranslation(
#'     x, "train_mean", folds = spatialFolds(x, nSplits = 2), genes = 10
#' )
#' benchmarkDomains(x, "layer", systems = "pca_mixture", nBootstrap = 20)
#'
#' # Points of known expression, here of another interpolation
#' x <- x[, 1:60]
#' imgData(x) <- NULL
#' truth <- enhanceResolution(x, "bilinear", genes = 2, pixelMicrons = 60)
#' benchmarkResolution(
#'     x, truth, "nearest",
#'     genes = rownames(truth), pixelMicrons = 60, nBootstrap = 20
#' )
#' @name benchmarks
NULL

#' @rdname benchmarks
#' @export
setMethod("benchmarkTranslation", "ANY", function(
        x, systems = NULL, protocols = c("patients", "blocks"), folds = NULL,
        genes = 250L, seed = 0L, workers = NULL, cluster = NULL,
        progress = interactive(), ...) {
    asBenchmark(callPython(
        core()$benchmark_translation, handOver(x),
        systems = asList(systems), protocols = asList(protocols),
        splitter = asSplitter(x, folds), genes = asGenes(genes), seed = seed,
        workers = workers, cluster = cluster,
        progress = asProgress(progress, "translation"), ...
    ))
})

#' @rdname benchmarks
#' @export
setMethod("benchmarkDomains", "ANY", function(
        x, truth = "layer", k = NULL, systems = NULL, folds = NULL,
        seeds = NULL, workers = NULL, cluster = NULL,
        progress = interactive(), ...) {
    asBenchmark(callPython(
        core()$benchmark_domains, handOver(x), truth,
        k = k, systems = asList(systems), splitter = asSplitter(x, folds),
        seeds = seeds, workers = workers, cluster = cluster,
        progress = asProgress(progress, "domains"), ...
    ))
})

#' @rdname benchmarks
#' @export
setMethod("benchmarkDeconvolution", "ANY", function(
        x, reference, truth = "true_proportions", labels = "cell_type",
        systems = NULL, folds = NULL, seed = 0L, workers = NULL,
        cluster = NULL, progress = interactive(), ...) {
    asBenchmark(callPython(
        core()$benchmark_deconvolution, handOver(x), handOver(reference),
        truth = truth, labels = labels, systems = asList(systems),
        splitter = asSplitter(x, folds), seed = seed, workers = workers,
        cluster = cluster, progress = asProgress(progress, "deconvolution"), ...
    ))
})

#' @rdname benchmarks
#' @export
setMethod("benchmarkResolution", "ANY", function(
        x, truth, systems = NULL, pixelMicrons = NULL, spotMicrons = NULL,
        genes = 1000L, seed = 0L, workers = NULL, cluster = NULL,
        progress = interactive(), ...) {
    asBenchmark(callPython(
        core()$benchmark_resolution, handOver(x), handOver(truth),
        systems = asList(systems), pixelMicrons = pixelMicrons,
        spotMicrons = spotMicrons, genes = asGenes(genes), seed = seed,
        workers = workers, cluster = cluster,
        progress = asProgress(progress, "resolution"), ...
    ))
})

asBenchmark <- function(python) {
    new("Benchmark",
        python = python,
        table = fromFrame(python$table),
        headline = fromFrame(python$summary()),
        audit = fromFrame(python$audit),
        runs = fromFrame(python$runs),
        settings = as.list(py_to_r(bridge()$settings(python$settings)))
    )
}

#' @rdname Benchmark-class
#' @export
setMethod("as.data.frame", "Benchmark", function(
        x, row.names = NULL, optional = FALSE,
        what = c("table", "headline", "audit", "runs"), ...) {
    slot(x, match.arg(what))
})

#' @rdname Benchmark-class
#' @export
setMethod("summary", "Benchmark", function(object, ...) {
    table <- as.data.frame(object)
    kept <- c(
        "dataset", "protocol", "system", "status", "metric", "value", "lower",
        "upper", "n"
    )
    whole <- table[table$fold == "all", kept]
    rownames(whole) <- NULL
    whole
})

#' @rdname Benchmark-class
#' @export
setMethod("show", "Benchmark", function(object) {
    headline <- as.data.frame(object, what = "headline")
    audit <- as.data.frame(object, what = "audit")
    cat("Benchmark of", length(unique(headline$system)), "systems\n")
    for (protocol in unique(headline$protocol)) {
        cat("\nProtocol:", protocol, "\n")
        rows <- headline[headline$protocol == protocol, ]
        print(shortTable(rows), row.names = FALSE)
    }
    leaks <- if ("leaks" %in% names(audit)) sum(nzchar(audit$leaks)) else 0
    cat("\nSplits audited:", nrow(audit), "- with leaks:", leaks, "\n")
})

# The interval belongs to the first metric and stands beside it.
shortTable <- function(rows) {
    facts <- c("dataset", "protocol", "system", "status", "lower", "upper")
    metrics <- rows[setdiff(names(rows), facts)]
    metrics[] <- lapply(metrics, function(v) {
        ifelse(is.na(v), "", formatC(v, digits = 3, format = "f"))
    })
    interval <- sprintf("%.3f to %.3f", rows$lower, rows$upper)
    interval[is.na(rows$lower)] <- ""
    data.frame(
        rows[c("system", "status")], metrics[1], interval = interval,
        metrics[-1], check.names = FALSE
    )
}

#' What does the image add?
#'
#' Scores a system with its image, without it and with false images, under the
#' same splits. For translation the image stands beside measured covariates
#' (sequencing depth, a copy of sibling sections, coordinates), for domains and
#' deconvolution beside the genes. Reads what the benchmark of the task reads,
#' and \code{reducedDim(x, "morphology")}; writes nothing.
#'
#' @inheritParams benchmarks
#' @param task \code{"translation"}, \code{"domains"} or
#'     \code{"deconvolution"}.
#' @param system a system that reads the image; the default of the task when
#'     \code{NULL}.
#' @param folds a \code{\linkS4class{SpatialFolds}}, or one label per spot; by
#'     default patients where there are two, else spatial blocks.
#' @param draws false images of each kind; p is a multiple of
#'     \code{1 / (draws + 1)}.
#' @param reference as in \code{\link{deconvolve}}, for deconvolution.
#' @param ... further arguments of the core, in camelCase: \code{genes},
#'     \code{covariates} (translation), \code{truth}, \code{k} (domains),
#'     \code{truth}, \code{labels} (deconvolution), \code{nBootstrap},
#'     \code{folder}.
#' @return A data frame with one row per arm and metric: \code{value} with
#'     \code{lower} and \code{upper}; \code{added}, by how much the arm with the
#'     image is better, with \code{added_lower} and \code{added_upper}; \code{p}
#'     of false images (permuted within sections; shifted as a torus).
#' @examplesIf pythonReady()
#' x <- addMorphology(exampleBulb("Rep9"), "colour", cache = FALSE)
#' imageValue(x, genes = 10, draws = 1, nBootstrap = 20)
#' @name imageValue
NULL

#' @rdname imageValue
#' @export
setMethod("imageValue", "ANY", function(
        x, task = "translation", system = NULL, folds = NULL, draws = 9L,
        seed = 0L, reference = NULL, workers = NULL, cluster = NULL,
        progress = interactive(), ...) {
    fromFrame(callPython(
        core()$evaluation$image_value, handOver(x),
        system = system, task = task, splitter = asSplitter(x, folds),
        draws = draws, seed = seed,
        reference = if (!is.null(reference)) handOver(reference),
        workers = workers, cluster = cluster,
        progress = asProgress(progress, task), ...
    ))
})
