#' Score systems beside image-blind baselines
#'
#' Read what the verb of the task reads, and the truth; write nothing. Every
#' table holds each system beside baselines that never saw the image, and the
#' audit of every split for leakage. Everything fitted is fitted on training
#' spots.
#'
#' @param x a SpatialExperiment or Seurat object.
#' @param systems names of systems; the house default and every baseline when
#'     \code{NULL}. See \code{\link{listSystems}}.
#' @param protocols \code{"blocks"} (spatial blocks with a buffer),
#'     \code{"sections"} or \code{"patients"}.
#' @param genes how many genes, chosen on training spots, or which.
#' @param truth for domains a column of \code{x} with labels, for deconvolution
#'     an altExp with true proportions.
#' @param k number of domains; as many as the truth has when \code{NULL}.
#' @param seeds seeds of repeated runs; the default of the core when
#'     \code{NULL}.
#' @param reference,labels as in \code{\link{deconvolve}}.
#' @param seed seed of everything random.
#' @param ... further arguments of the core, in camelCase.
#' @return A \code{\linkS4class{Benchmark}}.
#' @examplesIf pythonReady()
#' x <- exampleMixture()[, 1:30]
#' benchmarkDeconvolution(x, exampleReference())
#' @name benchmarks
NULL

#' @rdname benchmarks
#' @export
setMethod("benchmarkTranslation", "ANY", function(
        x, systems = NULL, protocols = c("blocks", "patients"), genes = 250L,
        seed = 0L, ...) {
    asBenchmark(callPython(
        core()$benchmark_translation, handOver(x),
        systems = asList(systems), protocols = asList(protocols),
        genes = asGenes(genes), seed = seed, ...
    ))
})

#' @rdname benchmarks
#' @export
setMethod("benchmarkDomains", "ANY", function(
        x, truth = "layer", k = NULL, systems = NULL, seeds = NULL, ...) {
    optional <- if (!is.null(seeds)) list(seeds = as.list(as.integer(seeds)))
    asBenchmark(do.call(callPython, c(
        list(
            core()$benchmark_domains, handOver(x),
            truth = truth, k = k, systems = asList(systems)
        ),
        optional, list(...)
    )))
})

#' @rdname benchmarks
#' @export
setMethod("benchmarkDeconvolution", "ANY", function(
        x, reference, truth = "true_proportions", labels = "cell_type",
        systems = NULL, ...) {
    asBenchmark(callPython(
        core()$benchmark_deconvolution, handOver(x), handOver(reference),
        truth = truth, labels = labels, systems = asList(systems), ...
    ))
})

asBenchmark <- function(python) {
    new("Benchmark",
        python = python,
        table = fromFrame(python$table),
        audit = fromFrame(python$audit),
        settings = as.list(py_to_r(bridge()$settings(python$settings)))
    )
}

#' @rdname Benchmark-class
#' @export
setMethod("as.data.frame", "Benchmark", function(
        x, row.names = NULL, optional = FALSE, what = c("table", "audit"),
        ...) {
    slot(x, match.arg(what))
})

#' @rdname Benchmark-class
#' @export
setMethod("show", "Benchmark", function(object) {
    scores <- as.data.frame(object)
    audit <- as.data.frame(object, what = "audit")
    cat("Benchmark of", length(unique(scores$system)), "systems\n")
    print(scores[headline(scores), ], row.names = FALSE, digits = 3)
    cat("Splits audited for leakage:", nrow(audit), "\n")
})

# The first metric of the table is its headline.
headline <- function(scores) {
    if (is.null(scores$metric)) {
        return(seq_len(nrow(scores)))
    }
    which(scores$metric == scores$metric[1])
}
