#' Find tissue domains
#'
#' Reads counts, coordinates and sections (and
#' \code{reducedDim(x, "morphology")} where the system uses it); writes the
#' factor \code{x[[name]]}, the embedding of the first run
#' \code{reducedDim(x, "<name>_embedding")} and, of several runs, the share of
#' them that agree on a spot, \code{x$<name>_support}.
#'
#' @section Chance:
#' Most systems are random, the default among them: another seed gives
#' somewhat other domains. So a system is run from several seeds, and every
#' spot goes where most runs put it. \code{run_agreement} among the settings
#' in \code{metadata(x)$HistoBridge} is the mean adjusted Rand index over
#' pairs of runs: the lower, the more the domains are a matter of chance.
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
#' Its authors fixed the rest with the labels of fourteen sections in sight:
#' normalisation to the median depth, the views of the genes (of unit
#' variance, those of a panel also as they vary), the grid of components and
#' multiples of the smoothing, average linkage, the bar for settled domains
#' and the strength below which there is no vote. Scores on those sections
#' are therefore optimistic. The rule for the image was made on simulated
#' tissue.
#'
#' @param x a SpatialExperiment or Seurat object.
#' @param k number of domains; estimated when \code{NULL}, which is a
#'     proposal: try others.
#' @param system name of a system; see \code{\link{listSystems}}.
#' @param name name of the result.
#' @param seed seed of the first run; those of the others are drawn from it.
#' @param seeds number of runs of which the consensus is taken; when
#'     \code{NULL} ten, or one of more than 5,000 spots. Where the first two
#'     agree exactly there are no more.
#' @param workers how many processes share the runs.
#' @param progress whether to show runs done and time left; or a function of
#'     the two numbers done and total.
#' @param ... parameters of the system, in camelCase.
#' @return \code{x} with the domains added.
#' @examplesIf pythonReady()
#' x <- findDomains(exampleBulb("Rep4"), k = 5, seeds = 3)
#' table(x$domain, x$layer)
#' summary(x$domain_support)
#' @name findDomains
NULL

#' @rdname findDomains
#' @export
setMethod("findDomains", "ANY", function(
        x, k = NULL, system = "gpca_consensus", name = "domain", seed = 0L,
        seeds = NULL, workers = NULL, progress = interactive(), ...) {
    runVerb(
        x, "find_domains", name,
        k = k, system = system, seed = seed, seeds = seeds, workers = workers,
        progress = asProgress(progress, "domains"), ...
    )
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
