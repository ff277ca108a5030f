#' Estimate cell type proportions
#'
#' Reads the counts of spots and of reference cells and the labels of the
#' cells; writes \code{altExp(x, name)} (types x spots, for a Seurat object an
#' assay) and the column \code{<name>_status}. Spots without counts get
#' \code{NA} and say so in the status.
#'
#' @param x a SpatialExperiment or Seurat object.
#' @param reference single cells: a SingleCellExperiment or Seurat object.
#' @param labels column of \code{reference} with the cell types.
#' @param system name of a system; see \code{\link{listSystems}}.
#' @param name name of the result.
#' @param seed seed of everything random.
#' @param ... parameters of the system, in camelCase.
#' @return \code{x} with the proportions added.
#' @examplesIf pythonReady()
#' x <- deconvolve(exampleMixture()[, 1:20], exampleReference())
#' round(assay(altExp(x, "proportions"))[, 1:3], 2)
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
