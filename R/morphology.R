#' Describe the tissue around every spot
#'
#' Reads \code{spatialCoords}, the images of \code{imgData} and
#' \code{\link{micronsPerPixel}}; writes \code{reducedDim(x, name)}, one row
#' per spot. Patches are cropped in microns, so sections scanned at different
#' resolution are comparable.
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
