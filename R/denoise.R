#' Denoise expression over neighbouring spots
#'
#' Reads whole-number counts, coordinates, sections and, where used,
#' \code{reducedDim(x, "morphology")}; writes the assay \code{name}: log1p of
#' counts per 10,000 after counts were pooled over a random walk to
#' neighbouring spots. The number of steps is chosen for each section by
#' molecular cross-validation: nine tenths of the molecules are pooled, and the
#' Poisson loss of the others decides; labels never do.
#'
#' @param x a SpatialExperiment or Seurat object.
#' @param image whether neighbours that look alike weigh more: \code{"auto"}
#'     in the sections where that lowers the loss, \code{TRUE} in all.
#' @param by column of \code{x} of which the two most frequent levels are
#'     compared in the record, two clusters of the counts when \code{NULL}. The
#'     assay does not depend on it.
#' @param steps numbers of steps to choose from; 0 leaves the log-normalised
#'     counts as they are.
#' @param name name of the result.
#' @param seed seed of everything random.
#' @param ... passed to methods.
#' @return \code{x} with a sparse assay added; spots without counts stay empty.
#'     \code{metadata(x)$HistoBridge[[name]]} (\code{Misc} in Seurat) holds
#'     \code{steps} and \code{image} by section, the \code{curve} of losses,
#'     and \code{preservation}: the correlation of fold changes with held-out
#'     molecules, and the share of genes that differ at p <= .05 where none
#'     does, each before and after. A test between regions on a smoothed assay
#'     finds too much: use the counts, as \code{\link{testSpatialDE}} does.
#' @references Batson, Royer and Webber (2019). Molecular cross-validation for
#'     single-cell RNA-seq. bioRxiv 786269.
#' @examplesIf pythonReady()
#' x <- denoise(exampleBulb("Rep4"))
#' record <- metadata(x)$HistoBridge$denoised
#' record$steps
#' unlist(record$preservation)
#' @name denoise
NULL

#' @rdname denoise
#' @export
setMethod("denoise", "ANY", function(
        x, image = "auto", by = NULL, steps = c(0, 1, 2, 4, 8, 16),
        name = "denoised", seed = 0L) {
    runVerb(x, "denoise", name,
        image = image, by = by, steps = as.list(as.integer(steps)), seed = seed
    )
})
