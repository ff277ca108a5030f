#' Trace a gradient from a root
#'
#' Reads coordinates, sections, \code{reducedDim(x, embedding)} and columns of
#' \code{x}; writes the diffusion pseudotime \code{x[[name]]}, from 0 at the
#' root to 1. Diffusion pseudotime has no direction of its own: the record
#' tells what another root of the same domain would have given, and how much
#' plain distance from the root explains.
#'
#' @param x a SpatialExperiment or Seurat object.
#' @param rootSpot name of the spot that is the root.
#' @param rootDomain level of \code{x[[by]]} whose most central spot in the
#'     embedding is the root.
#' @param rootPoint x and y in full-resolution pixels; the nearest spot is the
#'     root. Exactly one of the three is given.
#' @param by column of domains, from which other roots are tried.
#' @param embedding name of the embedding; see \code{\link{runIntegration}}.
#' @param order column with a known order (numbers or an ordered factor) that
#'     the pseudotime is compared with, and never otherwise used.
#' @param name name of the result.
#' @param seed seed of everything random.
#' @param ... further arguments of the core (\code{neighbours},
#'     \code{roots}).
#' @return \code{x} with a column added; spots without an embedding or without
#'     a path to the root have \code{NA}.
#'     \code{metadata(x)$HistoBridge[[name]]} (\code{Misc} in Seurat) holds the
#'     \code{root}, \code{root_sensitivity} (Spearman correlation with the
#'     pseudotime from other roots), \code{distance_share} (squared Spearman
#'     correlation with the plain distance from the root), \code{partial}
#'     (correlation with the distance in the embedding, given the plain one)
#'     and the like for \code{order}.
#' @references Haghverdi et al. (2016). Diffusion pseudotime robustly
#'     reconstructs lineage branching. Nature Methods 13, 845-848.
#' @examplesIf pythonReady()
#' x <- runIntegration(exampleBulb("Rep4"), "nichepca")
#' x <- traceGradient(x, rootDomain = "Granular cell layer", by = "layer")
#' tapply(x$pseudotime, x$layer, median)
#' metadata(x)$HistoBridge$pseudotime$distance_share
#' @name traceGradient
NULL

#' @rdname traceGradient
#' @export
setMethod("traceGradient", "ANY", function(
        x, rootSpot = NULL, rootDomain = NULL, rootPoint = NULL,
        by = "domain", embedding = "integration", order = NULL,
        name = "pseudotime", seed = 0L, ...) {
    runVerb(x, "trace_gradient", name,
        rootSpot = rootSpot, rootDomain = rootDomain,
        rootPoint = asList(unname(rootPoint)), by = by, embedding = embedding,
        order = order, seed = seed, ...
    )
})
