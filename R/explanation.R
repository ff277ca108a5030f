#' Explain a prediction in the pixels of single spots, and test the explanation
#'
#' Reads what the model reads, the images of \code{imgData} and, for the check
#' by region, one column of \code{x}; writes nothing. A spot's own patch is
#' explained while all else that the model sees stays. Every map is delivered
#' with its tests: deletion, insertion and ROAD against random order, a centre
#' prior and an edge map (paired Wilcoxon tests over spots, false discovery rate
#' over all); the maps of the model with shuffled weights; enrichment in nuclei
#' and regions. Maps that fail are marked in \code{\link{plotSaliency}}.
#'
#' @param model a \code{\linkS4class{TranslationModel}}.
#' @param x a SpatialExperiment or Seurat object, best of sections that the
#'     model was not trained on.
#' @param gene a gene, or several whose mean is explained.
#' @param component instead of genes a principal component of the predictions,
#'     from 1.
#' @param methods among those of \code{listSystems("explanation")}; all that
#'     apply to the model when \code{NULL}. Occlusion applies to every model,
#'     linear attribution to ridge models, Grad-CAM, Score-CAM and integrated
#'     gradients to networks on pixels, rollout to transformers of patches.
#' @param spots names of the spots, or how many, taken at random. Ten or more
#'     give the tests power.
#' @param units what is removed as one: \code{"superpixels"}, or
#'     \code{"nuclei"} with superpixels between them.
#' @param nUnits number of superpixels.
#' @param steps steps of every curve.
#' @param regions column of \code{x} whose classes are checked for evidence.
#' @param seed seed of everything random.
#' @param ... not used.
#' @return An \code{\linkS4class{Explanation}}.
#' @examplesIf pythonReady()
#' x <- addMorphology(
#'     exampleBulb("Rep4"), "colour", patchMicrons = 100, cache = FALSE
#' )
#' model <- trainTranslation(x, "hest_ridge", genes = c("Penk", "Th"))
#' found <- explainTranslation(
#'     model, x, "Penk", methods = "linear", spots = 6, nUnits = 4, steps = 2
#' )
#' found
#' head(as.data.frame(found, what = "contributions"))
#' @name explainTranslation
NULL

#' @rdname explainTranslation
#' @export
setMethod("explainTranslation", "TranslationModel", function(
        model, x, gene = NULL, component = NULL, methods = NULL, spots = 24L,
        units = "superpixels", nUnits = 36L, steps = 8L, regions = NULL,
        seed = 0L, ...) {
    # Counts are only read by models that predict from depth.
    absent <- if (!"counts" %in% partOf(x, "available")) "counts"
    adata <- asAnnData(x, parts = setdiff(verbParts, absent), strict = FALSE)
    asExplanation(callPython(
        core()$explain_translation, livePython(model), adata,
        gene = asGenes(gene), component = component,
        methods = asList(methods), spots = asGenes(spots), units = units,
        nUnits = nUnits, steps = steps, regions = regions, seed = seed, ...
    ))
})

asExplanation <- function(python) {
    tables <- c("tests", "verdict", "spots", "curves", "contributions")
    names(tables) <- tables
    new("Explanation",
        maps = lapply(pyItems(python$maps), fromArray, "F"),
        patches = fromArray(python$patches, "F"),
        tables = lapply(tables, function(part) fromFrame(python[[part]])),
        settings = as.list(py_to_r(bridge()$settings(python$settings)))
    )
}

#' @rdname Explanation-class
#' @export
saliencyMaps <- function(x, method) {
    if (!method %in% names(x@maps)) {
        fail("a method that was run", dQuote(method, FALSE), names(x@maps))
    }
    x@maps[[method]]
}

#' @rdname Explanation-class
#' @export
setMethod("as.data.frame", "Explanation", function(
        x, row.names = NULL, optional = FALSE,
        what = c("tests", "verdict", "spots", "curves", "contributions"), ...) {
    x@tables[[match.arg(what)]]
})

#' @rdname Explanation-class
#' @export
setMethod("show", "Explanation", function(object) {
    verdict <- as.data.frame(object, what = "verdict")
    spots <- dim(object@maps[[1]])[1]
    cat("Explanation of", object@settings$target, "in", spots, "spots\n")
    state <- ifelse(
        verdict$passes, "passes", paste("FAILS:", verdict$reason)
    )
    cat(paste0("  ", verdict$method, ": ", state, "\n"), sep = "")
})
