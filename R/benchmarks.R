#' Score systems beside image-blind baselines
#'
#' Read what the verb of the task reads, and the truth; write nothing. Every
#' table holds each system beside baselines that never saw the image, and the
#' audit of every split for leakage. Everything fitted is fitted on training
#' spots.
#'
#' @param x a SpatialExperiment or Seurat object.
#' @param systems names of systems, all that are no baseline when \code{NULL};
#'     baselines always run. See \code{\link{listSystems}}.
#' @param protocols among \code{"patients"} (leave one out; needs a column
#'     \code{patient}), \code{"sections"} and \code{"blocks"} (spatial blocks
#'     with a buffer).
#' @param genes how many genes, chosen on training spots, or which.
#' @param truth for domains a column of \code{x} with labels, for deconvolution
#'     an altExp with true proportions.
#' @param k number of domains; as many as the truth has when \code{NULL}.
#' @param seeds number of runs of systems that are random, of which the median
#'     is reported; the default of the core when \code{NULL}.
#' @param reference,labels as in \code{\link{deconvolve}}.
#' @param seed seed of everything random.
#' @param progress whether to show a bar.
#' @param ... further arguments of the core, in camelCase.
#' @return A \code{\linkS4class{Benchmark}}.
#' @examplesIf pythonReady()
#' x <- exampleMixture()[, 1:30]
#' benchmarkDeconvolution(x, exampleReference(), nBootstrap = 50)
#' @name benchmarks
NULL

#' @rdname benchmarks
#' @export
setMethod("benchmarkTranslation", "ANY", function(
        x, systems = NULL, protocols = c("patients", "blocks"), genes = 250L,
        seed = 0L, progress = interactive(), ...) {
    asBenchmark(callPython(
        core()$benchmark_translation, handOver(x),
        systems = asList(systems), protocols = asList(protocols),
        genes = asGenes(genes), seed = seed, progress = progress, ...
    ))
})

#' @rdname benchmarks
#' @export
setMethod("benchmarkDomains", "ANY", function(
        x, truth = "layer", k = NULL, systems = NULL, seeds = NULL,
        progress = interactive(), ...) {
    asBenchmark(callPython(
        core()$benchmark_domains, handOver(x), truth,
        k = k, systems = asList(systems), seeds = seeds,
        progress = progress, ...
    ))
})

#' @rdname benchmarks
#' @export
setMethod("benchmarkDeconvolution", "ANY", function(
        x, reference, truth = "true_proportions", labels = "cell_type",
        systems = NULL, seed = 0L, progress = interactive(), ...) {
    asBenchmark(callPython(
        core()$benchmark_deconvolution, handOver(x), handOver(reference),
        truth = truth, labels = labels, systems = asList(systems),
        seed = seed, progress = progress, ...
    ))
})

asBenchmark <- function(python) {
    new("Benchmark",
        python = python,
        table = fromFrame(python$table),
        headline = fromFrame(python$summary()),
        audit = fromFrame(python$audit),
        settings = as.list(py_to_r(bridge()$settings(python$settings)))
    )
}

#' @rdname Benchmark-class
#' @export
setMethod("as.data.frame", "Benchmark", function(
        x, row.names = NULL, optional = FALSE,
        what = c("table", "headline", "audit"), ...) {
    slot(x, match.arg(what))
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
