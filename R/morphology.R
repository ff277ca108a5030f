#' Describe the tissue around every spot
#'
#' Reads \code{spatialCoords}, the images of \code{imgData} and
#' \code{\link{micronsPerPixel}}; writes \code{reducedDim(x, name)}, one row
#' per spot. Patches are cropped in microns, so sections scanned at different
#' resolution are comparable. Warns of a section whose spots lie beside the
#' tissue of its image, see \code{\link{checkRegistration}}.
#'
#' @param x a SpatialExperiment, or a Seurat object with images.
#' @param encoders names among \code{"colour"} (statistics of each patch),
#'     \code{"texture"} (edges, ridges and blobs of the whole section),
#'     \code{"efficientnet-lite0"} (an ImageNet network, slower; also
#'     \code{"efficientnet-lite1"} and \code{"efficientnet-lite2"}),
#'     \code{"torchvision:<model>"}, \code{"timm:<model>"},
#'     \code{"transformers:<model or folder>"} where that Python library is
#'     installed, and paths of TorchScript files.
#' @param patchMicrons side of the square patch in microns; several sides give
#'     several blocks of columns, \code{NULL} the sides of each encoder.
#' @param imageId which image of a section; by default the full-resolution
#'     source where its path is known, else \code{"hires"}, else the first.
#' @param stain stain normalisation towards the shipped sample, estimated on
#'     each image alone: \code{"reinhard"}, \code{"macenko"} or
#'     \code{"vahadane"}; or the name under which
#'     \code{\link{harmonizeSections}} has recorded the stains; none when
#'     \code{NULL}.
#' @param name name of the result.
#' @param cache \code{TRUE} to keep features in the user's cache, \code{FALSE}
#'     not to, or a folder.
#' @param progress whether to show a bar.
#' @param ... passed to methods.
#' @return \code{x} with the features added.
#' @examplesIf pythonReady()
#' x <- exampleBulb("Rep4")[, 1:20]
#' x <- addMorphology(x, "colour", cache = FALSE)
#' dim(reducedDim(x, "morphology"))
#' @name addMorphology
NULL

#' @rdname addMorphology
#' @export
setMethod("addMorphology", "ANY", function(
        x, encoders = c("colour", "texture"), patchMicrons = NULL,
        imageId = NULL, stain = NULL, name = "morphology", cache = TRUE,
        progress = interactive()) {
    runVerb(
        x, "add_morphology", name,
        encoders = asList(encoders), patchMicrons = asList(patchMicrons),
        imageId = imageId, stain = stain, cache = cache, progress = progress,
        parts = c("colData", "spatialCoords", "imgData", "settings")
    )
})

#' Check that spots lie on the tissue of their image
#'
#' Reads \code{spatialCoords}, the images of \code{imgData} and
#' \code{\link{micronsPerPixel}}; writes nothing. A picture of another crop, or
#' an offset left out, moves all spots of a section together: some lie
#' beside the tissue, and tissue lies bare on the other side. Tissue is what
#' is denser than glass (Otsu's threshold on the logarithm of optical
#' density); the best shift has most spots on tissue and least tissue right
#' beside them. Counts are not read, so a section to be predicted can be
#' checked, and moved, like any other.
#'
#' @inheritParams countNuclei
#' @return A data frame with a row per \code{section}: \code{spots};
#'     \code{on_tissue}, share of them as they lie; \code{shift_x} and
#'     \code{shift_y}, what to add to \code{spatialCoords} (full-resolution
#'     pixels, at most 1.2 mm); \code{shift_microns}, its length;
#'     \code{on_tissue_shifted}; \code{in_doubt}: it is longer than half a
#'     spacing of the spots and brings a twentieth of them onto tissue, or
#'     none can be brought onto the image. Where the image shows no glass, all
#'     of it counts as tissue.
#' @examplesIf pythonReady()
#' x <- exampleBulb("Rep4")
#' checkRegistration(x)
#' spatialCoords(x)[, 1] <- spatialCoords(x)[, 1] + 150
#' found <- checkRegistration(x)
#' found
#' rows <- match(x$sample_id, found$section)
#' shift <- found[rows, c("shift_x", "shift_y")]
#' spatialCoords(x) <- spatialCoords(x) + as.matrix(shift)
#' @name checkRegistration
NULL

#' @rdname checkRegistration
#' @export
setMethod("checkRegistration", "ANY", function(x, imageId = NULL) {
    fromFrame(callPython(
        core()$check_registration, handOver(x), imageId = imageId
    ))
})

#' Count the nuclei of every spot
#'
#' Reads \code{spatialCoords}, the images of \code{imgData} and
#' \code{\link{micronsPerPixel}}; writes the column \code{name}: the nuclei
#' in the H&E whose centre lies in the spot. They are maxima of the Laplacian
#' of Gaussian of haematoxylin, at three sizes, above Otsu's threshold.
#'
#' @param x a SpatialExperiment, or a Seurat object with images.
#' @param diameterMicrons diameter of a spot; \code{NULL} for that of the
#'     object.
#' @param imageId which image of a section; see \code{\link{addMorphology}}.
#'     It has to resolve nuclei: at most 3 microns per pixel.
#' @param stain stain normalisation; see \code{\link{addMorphology}}.
#' @param name name of the column.
#' @param ... passed to methods.
#' @return \code{x} with the numbers of nuclei added.
#' @seealso \code{nuclei} of \code{\link{deconvolve}}.
#' @examplesIf pythonReady()
#' x <- countNuclei(exampleBulb("Rep4")[, 1:20], diameterMicrons = 100)
#' x$n_nuclei
#' @name countNuclei
NULL

#' @rdname countNuclei
#' @export
setMethod("countNuclei", "ANY", function(
        x, diameterMicrons = NULL, imageId = NULL, stain = NULL,
        name = "n_nuclei") {
    runVerb(
        x, "count_nuclei", name,
        diameterMicrons = diameterMicrons, imageId = imageId, stain = stain,
        parts = c("colData", "spatialCoords", "imgData", "settings")
    )
})
