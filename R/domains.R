#' Find tissue domains
#'
#' Reads counts, coordinates and sections (and
#' \code{reducedDim(x, "morphology")} where the system uses it); writes the
#' factor \code{x[[name]]}.
#'
#' @section What is chosen without labels:
#' \code{gpca_consensus}, the default, decides on the tissue at hand how
#' strongly to smooth, how many domains there are (\code{k = NULL}: as many
#' as halves of the spots agree on), whether layers are too thin for a vote,
#' and whether image features enter: only if they help to predict genes that
#' were held out. The settings in \code{metadata(x)$HistoBridge} hold the
#' choice (\code{image}, \code{image_weight}) and its evidence;
#' \code{image = FALSE} leaves the image out.
#'
#' Its authors fixed the rest with the labels of twelve sections in sight:
#' normalisation to the median depth, the two views of the genes (as they
#' vary, and of unit variance), the grid of components and multiples of the
#' smoothing, average linkage, the bar for settled domains and the strength
#' below which there is no vote. Scores on those sections are therefore
#' optimistic. The rule for the image was made on simulated tissue.
#'
#' @param x a SpatialExperiment or Seurat object.
#' @param k number of domains; estimated when \code{NULL}, which is a
#'     proposal: try others.
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
    runVerb(x, "find_domains", name, k = k, system = system, seed = seed, ...)
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
