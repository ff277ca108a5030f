#' Microns per full-resolution pixel
#'
#' Reads or writes \code{metadata(x)$HistoBridge$microns_per_pixel}
#' (\code{Misc(x, "HistoBridge")} of a Seurat object), because
#' \code{imgData} has no column for it. Patches are cropped in microns, so
#' \code{\link{addMorphology}} needs it.
#'
#' @param x a SpatialExperiment or Seurat object.
#' @param value positive numbers named by \code{sample_id} (the image names of
#'     a Seurat object); one number without name stands for every section.
#' @return A named numeric vector, \code{NULL} where none is stored; the
#'     replacement returns \code{x}.
#' @examples
#' x <- exampleMixture()
#' micronsPerPixel(x) <- 0.1
#' micronsPerPixel(x)
#' @name micronsPerPixel
#' @aliases micronsPerPixel<-
NULL

#' @rdname micronsPerPixel
#' @export
setMethod("micronsPerPixel", "ANY", function(x) {
    partOf(x, "settings")$microns_per_pixel
})

#' @rdname micronsPerPixel
#' @export
setMethod("micronsPerPixel<-", "ANY", function(x, value) {
    sections <- partOf(x, "sections")
    if (length(value) == 1 && is.null(names(value))) {
        value <- rep(value, length(sections))
        names(value) <- sections
    }
    known <- length(value) && all(names(value) %in% sections)
    if (!is.null(value) && !(known && length(names(value)))) {
        fail(
            "microns per pixel named by section",
            if (length(names(value))) quoted(names(value)) else "no names",
            sections
        )
    }
    if (!all(is.finite(value) & value > 0)) {
        fail("positive microns per pixel", toString(value))
    }
    place(x, "settings", "microns_per_pixel", value)
})
