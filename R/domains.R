#' Find tissue domains
#'
#' Reads counts, coordinates and sections (and
#' \code{reducedDim(x, "morphology")} where the system uses it); writes the
#' factor \code{x[[name]]}.
#'
#' @param x a SpatialExperiment or Seurat object.
#' @param k number of domains; estimated when \code{NULL}.
#' @param system name of a system; see \code{\link{listSystems}}.
#' @param name name of the result.
#' @param seed seed of everything random.
#' @param ... parameters of the system, in camelCase.
#' @return \code{x} with the domains added.
#' @examplesIf pythonReady()
#' x <- findDomains(exampleBulb("Rep4"), k = 5)
#' table(x$domain, x$layer)
#' @name findDomains
NULL

#' @rdname findDomains
#' @export
setMethod("findDomains", "ANY", function(
        x, k = NULL, system = "gpca_consensus", name = "domain", seed = 0L,
        ...) {
    runVerb(x, "find_domains", name, k, system = system, seed = seed, ...)
})

#' Embed sections
#'
#' Reads counts, coordinates and sections (and
#' \code{reducedDim(x, "morphology")} where the system uses it); writes
#' \code{reducedDim(x, name)}. \code{\link{findDomains}} clusters the same
#' embedding.
#'
#' @param x a SpatialExperiment or Seurat object.
#' @param system name of a system for domains; see \code{\link{listSystems}}.
#' @param name name of the result.
#' @param seed seed of everything random.
#' @param ... parameters of the system, in camelCase, for example
#'     \code{asPublished = TRUE} to reproduce what a published system does,
#'     mistakes included.
#' @return \code{x} with the embedding added; spots without counts have
#'     \code{NA}.
#' @examplesIf pythonReady()
#' x <- runIntegration(exampleBulb("Rep4"), "nichepca")
#' dim(reducedDim(x, "integration"))
#' @name runIntegration
NULL

#' @rdname runIntegration
#' @export
setMethod("runIntegration", "ANY", function(
        x, system = "gpca_consensus", name = "integration", seed = 0L, ...) {
    runVerb(x, "run_integration", name, system, seed = seed, ...)
})
