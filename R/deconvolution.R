#' Estimate cell type proportions
#'
#' Reads the counts of spots and of reference cells and the labels of the
#' cells; writes \code{altExp(x, name)} (types x spots, for a Seurat object an
#' assay) and the column \code{<name>_status}. Spots without counts get
#' \code{NA} and say so in the status; no spot and no type is dropped. A type
#' without counts in the shared genes is 0 everywhere and named in the record.
#'
#' What else a system knows goes beside: \code{altExp}s
#' \code{<name>_lower} and \code{<name>_upper} (intervals, of
#' \code{poisson_image} with \code{level}), \code{<name>_abundance} (cells
#' per spot), and columns such as \code{<name>_residual} or, of \code{rctd},
#' \code{<name>_spot_class}.
#'
#' @param x a SpatialExperiment or Seurat object.
#' @param reference single cells: a SingleCellExperiment or Seurat object. A
#'     column \code{patient} tells donors apart.
#' @param labels column of \code{reference} with the cell types.
#' @param system name of a system; see \code{\link{listSystems}}.
#' @param name name of the result.
#' @param seed seed of everything random.
#' @param ... parameters of the system, in camelCase, such as \code{image}
#'     (\code{"use"}, \code{"ignore"} or \code{"shuffle"}, the ablations of
#'     the H&E), \code{level} (coverage of intervals) and \code{nuclei} (a
#'     column such as that of \code{\link{countNuclei}}, or \code{"image"}
#'     to count them) of \code{poisson_image}, or \code{mode} of \code{rctd}.
#' @return \code{x} with the proportions added.
#' @examplesIf pythonReady()
#' x <- deconvolve(exampleMixture()[, 1:20], exampleReference())
#' round(assay(altExp(x, "proportions"))[, 1:3], 2)
#'
#' # A published system, and intervals of the house default
#' x <- deconvolve(x, exampleReference(), system = "music", name = "music")
#' x <- deconvolve(
#'     x, exampleReference(),
#'     name = "bounded", graph = "none", level = 0.9
#' )
#' altExpNames(x)
#' @name deconvolve
NULL

#' @rdname deconvolve
#' @export
setMethod("deconvolve", "ANY", function(
        x, reference, labels = "cell_type", system = "poisson_image",
        name = "proportions", seed = 0L, ...) {
    runVerb(
        x, "deconvolve", name, handOver(reference),
        labels = labels, system = system, seed = seed, ...
    )
})
