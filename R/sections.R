#' Lay sections over one another
#'
#' Reads coordinates, \code{\link{micronsPerPixel}} and, by method, counts
#' and \code{reducedDim(x, "morphology")}, or the images; writes
#' \code{reducedDim(x, name)}: positions in microns in the frame of the first
#' section. \code{spatialCoords} stay as they are. Every section is laid over
#' the one before it.
#'
#' @param x a SpatialExperiment or Seurat object of several sections, or a
#'     list of objects.
#' @param method \code{"expression"}: fused Gromov-Wasserstein transport of
#'     spots and the rigid motion that fits it (PASTE); \code{"image"}:
#'     rigid and affine registration of the H&E.
#' @param overlap share of the tissue that neighbouring sections have in
#'     common; below 1 the rest stays unmatched (PASTE2).
#' @param image weight of image features in the likeness of spots, 0 to 1;
#'     above 0 every object must have them (\code{\link{addMorphology}}).
#' @param warp whether a smooth deformation follows the motion.
#' @param landmarks column that names spots which are the same place in all
#'     sections; only used to report \code{landmark_error}, in microns, in
#'     the settings.
#' @param name name of the result.
#' @param seed seed of everything random.
#' @param ... further arguments of the core.
#' @return \code{x}, with the aligned positions added.
#' @examplesIf pythonReady()
#' x <- alignSections(exampleBulb())
#' head(reducedDim(x, "aligned"))
#' @name alignSections
NULL

#' @rdname alignSections
#' @export
setMethod("alignSections", "ANY", function(
        x, method = "expression", overlap = 1, image = 0, warp = FALSE,
        landmarks = NULL, name = "aligned", seed = 0L, ...) {
    runTogether(
        x, "align_sections", name,
        method = method, overlap = overlap, image = image, warp = warp,
        landmarks = landmarks, seed = seed, ...
    )
})

#' Bring the expression, or the stain, of sections to one scale
#'
#' Expression: reads counts and columns; writes the assay (Seurat: layer)
#' \code{name}, log1p counts per 10,000 without what distinguishes the batches.
#' Genes are adjusted together that the same batches measured, as in HarmonizR:
#' a gene without a single count in a batch counts as not measured there, and
#' what one batch alone measured stays as it is. Spots without counts stay
#' empty and move no other.
#'
#' Stain: reads the image of every section; writes the stain profiles of all
#' sections and of the reference into the settings of \code{x}, under
#' \code{name}. Images stay as they are; \code{addMorphology(x, stain = name)}
#' reads them as if stained, and scanned, like the reference.
#'
#' @inheritParams alignSections
#' @param x an object, or a list of objects that may have different genes.
#' @param method of expression: \code{"combat"} (means and variances, as
#'     \code{sva::ComBat}) or \code{"limma"} (means, as
#'     \code{limma::removeBatchEffect}); of stain: \code{"macenko"},
#'     \code{"vahadane"} or \code{"reinhard"}.
#' @param batch column of the batch; for expression.
#' @param covariates columns whose effects stay; for expression.
#' @param reference section whose stain the others get; the first when
#'     \code{NULL}.
#' @param name name of the result; \code{"harmonized"} when \code{NULL}, for
#'     stain \code{"harmonized_stain"}.
#' @return \code{x}, with the harmonised expression or the stain profiles
#'     added.
#' @examplesIf pythonReady()
#' x <- harmonizeSections(exampleBulb()[1:50, ], covariates = "layer")
#' assay(x, "harmonized")[1:3, 1:3]
#' x <- harmonizeSections(x, "macenko")
#' x <- addMorphology(x, "colour", stain = "harmonized_stain", cache = FALSE)
#' @name harmonizeSections
NULL

#' @rdname harmonizeSections
#' @export
setMethod("harmonizeSections", "ANY", function(
        x, method = "combat", batch = "sample_id", covariates = NULL,
        reference = NULL, name = NULL) {
    stain <- method %in% c("macenko", "vahadane", "reinhard")
    if (is.null(name)) {
        name <- if (stain) "harmonized_stain" else "harmonized"
    }
    runTogether(
        x, "harmonize_sections", name,
        method = method, batch = batch, covariates = asList(covariates),
        reference = reference
    )
})

# One object goes the way of every verb; several are handed over together.
runTogether <- function(x, verb, name, ...) {
    if (!is.list(x)) {
        return(runVerb(x, verb, name, ...))
    }
    lapply(x, checkHost)
    x <- lapply(x, forget, name)
    together <- lapply(x, asAnnData, parts = verbParts, strict = FALSE)
    before <- lapply(together, keysOf)
    callPython(core()[[verb]], unname(together), ..., keyAdded = name)
    Map(graft, x, together, before, name)
}
