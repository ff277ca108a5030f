#' Estimate expression on a finer grid
#'
#' Reads counts, coordinates, \code{\link{micronsPerPixel}} and, where the
#' system uses it, the image of every section; writes nothing: a new object is
#' returned. Systems differ in how counts are shared out within a spot and
#' continued between spots. Afterwards every gene sums over the points of a
#' spot to the counts of that spot.
#'
#' @param x a SpatialExperiment or Seurat object.
#' @param system name of a system; see \code{\link{listSystems}}.
#' @param pixelMicrons side of a grid cell in microns, a quarter of the
#'     distance of spots when \code{NULL}.
#' @param spotMicrons diameter of a spot in microns; as the object states,
#'     else 0.55 of the distance of spots.
#' @param genes how many of the most variable genes, or which.
#' @param encoders how the image is described at every point; see
#'     \code{\link{addMorphology}}.
#' @param cache as in \code{\link{addMorphology}}.
#' @param seed seed of everything random.
#' @param ... parameters of the system, in camelCase.
#' @return A SpatialExperiment (genes x points) with expected counts in assay
#'     \code{counts}, column \code{spot} (missing between spots),
#'     \code{spatialCoords} in full-resolution pixels, \code{reducedDim}
#'     \code{"spatial_microns"} in microns, and the images of \code{x}.
#' @examplesIf pythonReady()
#' x <- exampleBulb("Rep4")
#' enhanceResolution(x, "inverse_distance", genes = c("Penk", "Th"))
#' @name enhanceResolution
NULL

#' @rdname enhanceResolution
#' @export
setMethod("enhanceResolution", "ANY", function(
        x, system = "regression_kriging", pixelMicrons = NULL,
        spotMicrons = NULL, genes = 1000L, encoders = "colour", cache = TRUE,
        seed = 0L, ...) {
    asExperiment(callPython(
        core()$enhance_resolution, handOver(x),
        system = system, pixelMicrons = pixelMicrons, spotMicrons = spotMicrons,
        genes = asGenes(genes), encoders = asList(encoders), cache = cache,
        seed = seed, ...
    ), strict = FALSE)
})
