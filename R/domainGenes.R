#' Find the genes of tissue domains
#'
#' Reads counts, coordinates, sections, the column \code{domains} and, where
#' there is one, the column \code{patient}; writes nothing. Neighbouring spots
#' are alike, so a test that takes spots for independent finds genes for any
#' region. Here the labels of every section are shifted across it and its mirror
#' image, which keeps the autocorrelation of labels and genes, and
#' \code{p_value} is how often shifted labels differ as much.
#'
#' @param x a SpatialExperiment or Seurat object.
#' @param domains column of \code{x} with labels, for example from
#'     \code{\link{findDomains}}. Spots where it is missing are left out.
#' @param method \code{"difference"} of log1p counts per 10,000 within
#'     sections, or \code{"saliency"}: gradient of a classifier's margin, which
#'     weighs genes together.
#' @param thinned find the domains again, with the recorded system, on one
#'     binomial half of the counts and test on the other, so that no molecule is
#'     used twice? When \code{NULL}, where \code{\link{findDomains}} found them.
#' @param draws number of shifts; p is a multiple of \code{1 / (draws + 1)}.
#'     Small sections have fewer.
#' @param seed seed of shifts and halves.
#' @param ... not used.
#' @return A \link[S4Vectors]{DataFrame} with a row per domain and gene,
#'     smallest \code{p_value} of each domain first: \code{domain},
#'     \code{gene}, \code{log_fold_change} (log2 of mean counts per 10,000, plus
#'     one), \code{statistic}, \code{p_value} and \code{fdr} of the shifts;
#'     \code{wilcoxon_p_value}, \code{wilcoxon_fdr} and \code{morans_i} for
#'     comparison; \code{pseudobulk_log_fold_change},
#'     \code{pseudobulk_p_value} and \code{pseudobulk_fdr} between patients
#'     (\code{NA} with fewer than two that have both sides); \code{overlap} of
#'     the domain tested with the one in \code{x}. Saliency adds
#'     \code{deletion}, the share of the margin lost without the 20 top genes,
#'     and \code{deletion_random}, the 95th percentile of what as many random
#'     genes lose.
#' @seealso \code{\link{testSpatialDE}} for a model of the correlation.
#' @examplesIf pythonReady()
#' x <- exampleBulb("Rep4")
#' genes <- findDomainGenes(x, "layer", draws = 99)
#' head(genes[genes$domain == "Granular cell layer", ])
#' @name findDomainGenes
NULL

#' @rdname findDomainGenes
#' @export
setMethod("findDomainGenes", "ANY", function(
        x, domains = "domain", method = "difference", thinned = NULL,
        draws = 999, seed = 0L, ...) {
    found <- framed(callPython(
        core()$find_domain_genes, handOver(x), domains,
        method = method, thinned = thinned, draws = draws, seed = seed, ...
    ))
    asDataFrame(found, NULL, nrow(found))
})
