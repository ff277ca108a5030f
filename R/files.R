#' Read and write AnnData files
#'
#' \code{writeH5AD()} reads what \code{\link{asAnnData}} carries and writes it
#' to one file that scanpy and squidpy read: coordinates in
#' \code{obsm["spatial"]}, images and scale factors in \code{uns["spatial"]}.
#' \code{readH5AD()} reads any such file, whoever wrote it, and returns an
#' object; a file of \code{writeH5AD()} gives the same object again. Stored
#' images stay paths, unless \code{images = "pixels"} loads them into the file,
#' as plots of squidpy need.
#'
#' @param x an object that \code{\link{asAnnData}} takes, or a Python
#'     \code{AnnData}.
#' @param path the file.
#' @param images whether stored images are written as \code{"paths"} or as
#'     \code{"pixels"}.
#' @param class class of the result.
#' @param strict as in \code{\link{asExperiment}}.
#' @param ... passed to \code{\link{asAnnData}}.
#' @return \code{readH5AD()} an object of class \code{class};
#'     \code{writeH5AD()} the path, invisibly.
#' @examplesIf pythonReady()
#' path <- writeH5AD(exampleMixture(), tempfile(fileext = ".h5ad"))
#' readH5AD(path)
#' @name readH5AD
#' @export
readH5AD <- function(
        path, class = c(
            "SpatialExperiment", "SingleCellExperiment", "Seurat", "AnnData"
        ), strict = TRUE) {
    class <- match.arg(class)
    adata <- callPython(bridge()$read_h5ad, path.expand(path))
    switch(class,
        AnnData = adata,
        Seurat = asSeurat(adata, strict = strict),
        asExperiment(adata, class, strict)
    )
}

#' @rdname readH5AD
#' @export
writeH5AD <- function(x, path, images = c("paths", "pixels"), ...) {
    images <- match.arg(images)
    if (!inherits(x, "anndata._core.anndata.AnnData")) {
        x <- asAnnData(x, ...)
    }
    path <- path.expand(path)
    callPython(bridge()$write_h5ad, x, path, images == "pixels")
    invisible(path)
}
