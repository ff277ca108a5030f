#' Read and write AnnData files
#'
#' \code{writeH5AD()} reads what \code{\link{asAnnData}} carries and writes it
#' to one file that scanpy and squidpy read: coordinates in
#' \code{obsm["spatial"]}, images and scale factors in \code{uns["spatial"]}.
#' \code{readH5AD()} reads any such file, whoever wrote it, and returns an
#' object; a file of \code{writeH5AD()} gives the same object again. Stored
#' images stay paths, unless \code{images = "pixels"} loads them into the file,
#' as plots of squidpy need. With \code{backed = TRUE} assays stay in the file,
#' and \code{writeH5AD()} copies assays on disk from file to file; neither ever
#' holds one in memory. HDF5 has no place for keys with a slash, and a file
#' cannot be written while an assay is read from it; both are errors.
#' \code{readSpatialData()} reads a table of a SpatialData store (Zarr) with the
#' images of its regions, each of which becomes a sample; it needs the Python
#' package spatialdata.
#'
#' @param x an object that \code{\link{asAnnData}} takes, or a Python
#'     \code{AnnData}.
#' @param path the file.
#' @param images whether stored images are written as \code{"paths"} or as
#'     \code{"pixels"}.
#' @param class class of the result.
#' @param strict as in \code{\link{asExperiment}}.
#' @param assay.type name of the assay that \code{X} becomes, unless
#'     \code{uns["X_name"]} says it, as files of \code{writeH5AD()} do. Verbs
#'     read \code{"counts"}: say so where \code{X} holds raw counts and no
#'     layer has them.
#' @param backed whether assays stay in the file: HDF5-backed matrices in R,
#'     backed ones in an AnnData. The file has to stay where it is.
#' @param ... passed to \code{\link{asAnnData}}; for \code{readSpatialData()}
#'     further arguments of the Python reader, such as \code{micronsPerPixel}.
#' @param table name of the table, the only one by default.
#' @return \code{readH5AD()} and \code{readSpatialData()} an object of class
#'     \code{class};
#'     \code{writeH5AD()} the path, invisibly.
#' @examplesIf pythonReady()
#' path <- writeH5AD(exampleMixture(), tempfile(fileext = ".h5ad"))
#' readH5AD(path)
#'
#' # A store of three cells as discs
#' if (reticulate::py_module_available("spatialdata")) {
#'     x <- exampleReference()[, 1:3]
#'     x$region <- factor("discs")
#'     x$instance <- 0:2
#'     spatialdata <- reticulate::import("spatialdata", convert = FALSE)
#'     models <- spatialdata$models
#'     made <- spatialdata$SpatialData$init_from_elements(reticulate::dict(
#'         discs = models$ShapesModel$parse(
#'             matrix(c(1, 5, 9, 1, 1, 1), 3), geometry = 0L, radius = 2
#'         ),
#'         table = models$TableModel$parse(
#'             asAnnData(x), region = "discs",
#'             region_key = "region", instance_key = "instance"
#'         )
#'     ))
#'     store <- tempfile(fileext = ".zarr")
#'     made$write(store)
#'     readSpatialData(store)
#' }
#' @name readH5AD
#' @export
readH5AD <- function(
        path, class = c(
            "SpatialExperiment", "SingleCellExperiment", "Seurat", "AnnData"
        ), strict = TRUE, backed = FALSE, assay.type = "X") {
    class <- match.arg(class)
    if (backed && class == "Seurat") {
        fail("an object that can hold assays on disk", "class Seurat",
            fix = "another class =, or backed = FALSE"
        )
    }
    path <- path.expand(path)
    adata <- callPython(bridge()$read_h5ad, path, backed)
    switch(class,
        AnnData = adata,
        Seurat = asSeurat(adata, strict = strict, assay.type = assay.type),
        asExperiment(adata, class, strict, assay.type)
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

#' @rdname readH5AD
#' @export
readSpatialData <- function(
        path, table = NULL,
        class = c("SpatialExperiment", "SingleCellExperiment"),
        strict = TRUE, assay.type = "X", ...) {
    adata <- callPython(
        core()$data$read_spatialdata, path.expand(path),
        table = table, ...
    )
    asExperiment(adata, match.arg(class), strict, assay.type)
}
