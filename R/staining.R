#' Paint another stain, or marker genes, from the H&E
#'
#' Reads coordinates, the images of \code{imgData} and, for markers, counts of
#' what is learnt from; writes \code{altExp(x, name)} (channels x spots, means
#' over the discs of spots) and a grey picture \code{<name>_<channel>} per
#' section and channel to \code{imgData}; the values that are drawn black and
#' white are in \code{metadata(x)$HistoBridge[[name]]$range}. A Seurat object
#' keeps one picture per section, so only spots come back there.
#'
#' Without \code{reference} the object is cross-fitted: what is painted of a
#' patient (else section, else block of spots) was learnt from the others.
#'
#' @param x a SpatialExperiment or Seurat object.
#' @param reference an object to learn from; \code{x} itself when \code{NULL}.
#' @param channels stains among \code{"haematoxylin"}, \code{"eosin"},
#'     \code{"dab"} (optical densities) and \code{"intensity"} (brightness, of
#'     fluorescence) of the picture \code{targetImage}.
#' @param genes marker genes, a channel each, or a named list of genes whose
#'     standardised log expression is averaged. Taught by spots, painted by
#'     pixels.
#' @param targetImage name of the picture of the other stain, registered to the
#'     H&E; the H&E itself when \code{NULL}.
#' @param system name of a system; see \code{\link{listSystems}}.
#' @param imageId,stain which picture is the H&E, and how its stain is
#'     normalised; see \code{\link{addMorphology}}.
#' @param name name of the result.
#' @param ... parameters of the system, in camelCase; networks take those of
#'     \code{\link{trainTranslation}}, among them \code{epochs}, \code{scale},
#'     \code{seed} and \code{checkpoint}, a folder of trained networks to go on
#'     from.
#' @return \code{x} with the channels and the pictures added.
#' @seealso \code{\link{crossCheck}}
#' @examplesIf pythonReady()
#' x <- exampleBulb("Rep4")
#' x <- stainVirtually(x, genes = list(granule = c("Penk", "Meis2")))
#' altExp(x, "virtual_stain")
#' imgData(x)[c("sample_id", "image_id")]
#' @name stainVirtually
NULL

#' @rdname stainVirtually
#' @export
setMethod("stainVirtually", "ANY", function(
        x, reference = NULL, channels = NULL, genes = NULL, targetImage = NULL,
        system = "colour_filters", imageId = NULL, stain = NULL,
        name = "virtual_stain", ...) {
    if (is.list(genes)) {
        genes <- lapply(genes, as.list)
    }
    runVerb(
        x, "stain_virtually", name,
        reference = if (!is.null(reference)) handOver(reference),
        channels = asList(channels), genes = asGenes(genes),
        targetImage = targetImage, system = system, imageId = imageId,
        stain = stain, ...,
        parts = presentParts(x)
    )
})

#' Check a stain against its marker genes
#'
#' Reads counts, coordinates and a channel; writes nothing. Correlates a painted
#' or measured stain with marker genes, spot by spot within each section. Both
#' are smooth over tissue, so a correlation means less than its spots promise:
#' the null moves the stain across the section and its mirror image, which keeps
#' both autocorrelations, and p-values and intervals come from its spread.
#'
#' @param x a SpatialExperiment or Seurat object.
#' @param channel a channel of \code{altExp(x, from)}, a numeric column of
#'     \code{x}, or with \code{imageId} one of \code{"haematoxylin"},
#'     \code{"eosin"}, \code{"dab"} and \code{"intensity"}, measured on that
#'     picture. A channel painted from the same genes must be cross-fitted, as
#'     \code{\link{stainVirtually}} does.
#' @param genes marker genes (log1p counts per 10,000).
#' @param from name of what \code{\link{stainVirtually}} has written.
#' @param imageId picture on which the channel is measured.
#' @param method \code{"pearson"} or \code{"spearman"}.
#' @param alternative \code{"greater"} (a stain rises with its genes) or
#'     \code{"two-sided"}.
#' @param draws number of shifts; p is a multiple of \code{1 / (draws + 1)}.
#'     Small sections have fewer.
#' @param seed seed of the shifts.
#' @param ... not used.
#' @return A \link[S4Vectors]{DataFrame} with a row per section (and
#'     \code{"all"}, their mean) and gene: \code{channel}, \code{section},
#'     \code{gene}, \code{n_spots}, \code{correlation}, \code{lower} and
#'     \code{upper} (95 per cent), \code{p_value}, \code{fdr} over the genes of
#'     a section, \code{effective_spots}, the independent ones that would spread
#'     as much, and \code{without_depth}, the correlation after total counts are
#'     regressed out of both.
#' @examplesIf pythonReady()
#' x <- stainVirtually(exampleBulb(), genes = "Penk")
#' crossCheck(x, "Penk", c("Penk", "Th"), draws = 99)
#' @name crossCheck
NULL

#' @rdname crossCheck
#' @export
setMethod("crossCheck", "ANY", function(
        x, channel, genes, from = "virtual_stain", imageId = NULL,
        method = "pearson", alternative = "greater", draws = 999, seed = 0L,
        ...) {
    found <- framed(callPython(
        core()$cross_check, handOver(x), channel, asList(genes),
        key = from, imageId = imageId, method = method,
        alternative = alternative, draws = draws, seed = seed, ...
    ))
    asDataFrame(found, NULL, nrow(found))
})
