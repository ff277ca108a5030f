#' Test genes for differences that space does not explain
#'
#' Reads counts, coordinates, sections and columns of \code{colData(x)};
#' writes nothing. Neighbouring spots are alike whatever their group, so a
#' t-test finds differences between any two regions. Here the residuals of
#' every gene have a correlation that falls off exponentially within a section,
#' beside a nugget, fitted by restricted maximum likelihood: the model of
#' \code{nlme::gls(correlation = corExp(nugget = TRUE))}, for all genes at
#' once. Sections of up to \code{exact} spots are treated exactly, larger ones
#' by Vecchia's approximation.
#'
#' @param x a SpatialExperiment or Seurat object.
#' @param by column of \code{x}: groups, or a number of which the slope is
#'     tested unless a \code{group} is named. Spots where it is missing, or
#'     without counts, are left out.
#' @param group which level of \code{by} is compared; of two levels the last
#'     by default.
#' @param reference level that it is compared with, all other spots when
#'     \code{NULL}.
#' @param covariates columns, groups or numbers, that are adjusted for.
#' @param genes which, all when \code{NULL}.
#' @param ... further arguments of the core (\code{exact},
#'     \code{neighbours}, \code{seed}).
#' @return A data frame with a row per gene, smallest \code{p_value} first:
#'     \code{estimate} (of log1p counts per 10,000), \code{std_error},
#'     \code{statistic}, \code{df}, \code{p_value}, \code{fdr}, \code{range}
#'     (microns; pixels where no scale is known) and \code{nugget}. A gene that
#'     does not vary, or only as the groups and covariates do, has \code{NA}.
#' @examplesIf pythonReady()
#' x <- exampleBulb("Rep4")
#' genes <- c("Penk", "Th", "Cdhr1", "Mbp")
#' testSpatialDE(x, "layer", group = "Granular cell layer", genes = genes)
#' @name testSpatialDE
NULL

#' @rdname testSpatialDE
#' @export
setMethod("testSpatialDE", "ANY", function(
        x, by, group = NULL, reference = NULL, covariates = NULL,
        genes = NULL, ...) {
    framed(callPython(
        core()$test_spatial_de, handOver(x), by,
        group = group, reference = reference,
        covariates = asList(covariates), genes = asList(genes), ...
    ))
})
