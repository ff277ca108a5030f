#' Write a section as a page to look at
#'
#' Reads coordinates, the image, columns of labels, counts and, where they are,
#' proportions; writes one HTML file that any browser opens without a network:
#' H&E, labels, proportions and genes on or off, a search for genes, and a
#' lasso that lists the names of spots.
#'
#' @param x a SpatialExperiment or Seurat object.
#' @param file name of the HTML file.
#' @param section one section, the first when \code{NULL}.
#' @param genes genes in the page: names, or how many of the most variable
#'     ones.
#' @param proportions altExp of proportions; \code{"proportions"} where there
#'     is one.
#' @param ... further arguments of the core (\code{imagePixels}, the longest
#'     side of the image in the page).
#' @return The absolute path, invisibly.
#' @examplesIf pythonReady()
#' page <- tempfile(fileext = ".html")
#' path <- viewSection(exampleBulb("Rep9"), page, genes = 20)
#' file.size(path) < 5e6
#' @name viewSection
NULL

#' @rdname viewSection
#' @export
setMethod("viewSection", "ANY", function(
        x, file, section = NULL, genes = 500L, proportions = NULL, ...) {
    path <- callPython(
        core()$view_section, handOver(x), path.expand(file),
        section = section, genes = asGenes(genes), proportions = proportions,
        ...
    )
    invisible(py_to_r(bridge()$text(path)))
})
