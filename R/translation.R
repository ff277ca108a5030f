#' Train a model that predicts expression from histology
#'
#' Reads counts, coordinates, sections and, as the system needs,
#' \code{reducedDim(x, "morphology")} (see \code{\link{addMorphology}}) or the
#' images of \code{imgData}; writes nothing: the model is returned.
#'
#' @param x a SpatialExperiment or Seurat object.
#' @param system name of a system; see \code{\link{listSystems}}.
#' @param genes how many genes, or which; all that the system takes by default.
#' @param ... parameters of the system, in camelCase. Neural systems take
#'     \code{scale} (share of the published size; by default 1/8 without a GPU),
#'     \code{epochs}, \code{learningRate}, \code{patience}, \code{batchSize},
#'     \code{pixels}, \code{device}, \code{checkpoint} (a folder to resume
#'     from), \code{progress} and \code{seed}.
#' @return A \code{\linkS4class{TranslationModel}}.
#' @seealso \code{\link{predictExpression}}, \code{\link{saveModel}}
#' @examplesIf pythonReady()
#' x <- addMorphology(exampleBulb("Rep4"), "colour", cache = FALSE)
#' trainTranslation(x, genes = 20)
#' @name trainTranslation
NULL

#' @rdname trainTranslation
#' @export
setMethod("trainTranslation", "ANY", function(
        x, system = "ridge_plus", genes = NULL, ...) {
    asModel(callPython(
        core()$train_translation, handOver(x),
        system = system, genes = asGenes(genes), ...
    ))
})

#' Predict expression from histology
#'
#' Reads coordinates and \code{reducedDim(x, "morphology")}, as the model
#' needs, and no counts; writes \code{altExp(x, name)} (genes x spots), for a
#' Seurat object an assay, and a column \code{<name>_in_scope} of
#' \code{colData}: does the image of the section look like those of training?
#' \code{FALSE} too where fewer than 20 spots can not tell.
#' \code{\link{modelReliability}} tells what to expect of every gene.
#'
#' @inheritParams trainTranslation
#' @param model a \code{\linkS4class{TranslationModel}}.
#' @param reliable keep only genes whose expected Pearson is at least 0.3.
#' @param name name of the result.
#' @param ... passed to methods.
#' @return \code{x} with the predictions added.
#' @examplesIf pythonReady()
#' x <- addMorphology(exampleBulb(), "colour", cache = FALSE)
#' model <- trainTranslation(x[, x$sample_id == "Rep4"], genes = 20)
#' predictExpression(x[, x$sample_id == "Rep9"], model, reliable = TRUE)
#' head(modelReliability(model))
#' @name predictExpression
NULL

#' @rdname predictExpression
#' @export
setMethod("predictExpression", "ANY", function(
        x, model, reliable = FALSE, name = "predicted") {
    if (!is(model, "TranslationModel")) {
        fail("a TranslationModel", paste("class", class(model)[1]))
    }
    # Counts are only read by models that predict from depth.
    runVerb(
        x, "predict_expression", name, livePython(model),
        reliable = reliable, parts = presentParts(x)
    )
})

#' Keep a trained model in a file
#'
#' Writes a \code{\linkS4class{TranslationModel}} to a file, or reads it again.
#' The file is in the safetensors format with a JSON header (system and its
#' parameters, genes, normalisation, training spots, versions, SHA-256); nothing
#' in it is ever executed, and one that was changed is refused. A loaded model
#' predicts the same, bit for bit. The checksum is no signature.
#'
#' @param model a \code{\linkS4class{TranslationModel}}.
#' @param path file name.
#' @return \code{saveModel()} the path, invisibly; \code{loadModel()} a
#'     \code{\linkS4class{TranslationModel}}.
#' @examplesIf pythonReady()
#' x <- addMorphology(exampleBulb("Rep4"), "colour", cache = FALSE)
#' path <- saveModel(trainTranslation(x, genes = 20), tempfile())
#' loadModel(path)
#' @export
saveModel <- function(model, path) {
    path <- path.expand(path)
    callPython(core()$translation$save_model, livePython(model), path)
    invisible(path)
}

#' @rdname saveModel
#' @export
loadModel <- function(path) {
    if (!file.exists(path)) {
        fail("the file of a model", paste("no file", dQuote(path, FALSE)))
    }
    asModel(callPython(core()$translation$load_model, path.expand(path)))
}

#' @rdname TranslationModel-class
#' @export
modelGenes <- function(x) x@genes

#' @rdname TranslationModel-class
#' @export
modelSettings <- function(x) x@settings

#' @rdname TranslationModel-class
#' @export
modelReliability <- function(x) {
    known <- x@settings[c("expected_pearson", "half_width")]
    if (!all(lengths(known) == length(x@genes))) {
        fail(
            paste(
                "a model that knows what to expect: trained with reliability =",
                "TRUE on tissue large enough for inner folds"
            ), "one that does not"
        )
    }
    data.frame(
        expectedPearson = as.numeric(known$expected_pearson),
        halfWidth = as.numeric(known$half_width), row.names = x@genes
    )
}

#' @rdname TranslationModel-class
#' @export
setMethod("show", "TranslationModel", function(object) {
    cat("TranslationModel", modelSettings(object)$system, "\n")
    genes <- modelGenes(object)
    cat(length(genes), "genes:", toString(genes, width = 60), "\n")
})

asModel <- function(model) {
    facts <- py_to_r(bridge()$model_facts(model))
    new("TranslationModel",
        python = model, genes = as.character(unlist(facts$genes)),
        settings = as.list(facts$settings)
    )
}

asGenes <- function(genes) {
    if (is.character(genes)) as.list(genes) else genes
}

# A reference to Python does not survive a saved workspace.
livePython <- function(object) {
    python <- object@python
    if (!inherits(python, "python.builtin.object") ||
        reticulate::py_is_null_xptr(python)) {
        fail(
            paste("a", class(object)[1], "made in this R session"),
            "one whose Python side is gone",
            fix = "use saveModel() and loadModel() between sessions"
        )
    }
    python
}

# What a verb that returns no object hands to Python.
handOver <- function(x) asAnnData(x, parts = verbParts, strict = FALSE)
