#' Read folders of other pipelines
#'
#' Read counts, positions, scale factors and images (which stay paths); write
#' nothing. \code{readVisium()} reads what Space Ranger 1 to 3 writes,
#' \code{readST()} counts, spots and an image of Spatial Transcriptomics as
#' text with any separator, and \code{readCells()} cells with centroids that
#' Xenium or CosMx have measured. \code{unpackArchive()} unpacks a tar or zip
#' file into one folder, and refuses members that lead outside it.
#' \code{\link{micronsPerPixel}} follows from the lattice of the spots. Files
#' that are damaged, and scale factors that contradict the image or the
#' lattice, are errors.
#'
#' @param folder for \code{readVisium()} \code{outs} or the folder above it;
#'     else the folder that holds the files.
#' @param section name of the section, that of the folder when \code{NULL}.
#' @param image the full-resolution image, where it is not in the folder.
#' @param pitchMicrons distance of neighbouring spots.
#' @param micronsPerPixel of the coordinates; by default 1 for Xenium and
#'     0.12028 for CosMx.
#' @param archive a tar or zip file, such as \code{spatial.tar.gz}.
#' @return A SpatialExperiment; \code{unpackArchive()} the folder, invisibly.
#' @examplesIf pythonReady()
#' folder <- tempfile()
#' dir.create(folder)
#' counts <- data.frame(a = 1:3, b = 4:6, row.names = c("1x1", "1x2", "2x1"))
#' write.table(counts, file.path(folder, "counts.tsv"), sep = "\t")
#' readST(folder, "toy")
#'
#' # From an archive that somebody sent
#' archive <- tempfile(fileext = ".tar")
#' home <- setwd(folder)
#' tar(archive, "counts.tsv", tar = "internal")
#' setwd(home)
#' readST(unpackArchive(archive, tempfile()), "toy")
#'
#' visium <- system.file(
#'     "extdata", "10xVisium", "section1", package = "SpatialExperiment"
#' )
#' readVisium(visium)
#'
#' # Cells as CosMx writes them: counts, and centroids beside them
#' cells <- tempfile()
#' dir.create(cells)
#' known <- data.frame(fov = 1, cell_ID = 1:3)
#' write.csv(
#'     cbind(known, Th = c(0, 2, 1), Penk = c(5, 0, 3)),
#'     file.path(cells, "a_exprMat_file.csv"), row.names = FALSE
#' )
#' places <- data.frame(
#'     CenterX_global_px = c(10, 90, 50), CenterY_global_px = c(10, 20, 80)
#' )
#' write.csv(
#'     cbind(known, places), file.path(cells, "a_metadata_file.csv"),
#'     row.names = FALSE
#' )
#' readCells(cells, "cells")
#' @name readFolders
NULL

#' @rdname readFolders
#' @export
readVisium <- function(folder, section = NULL, image = NULL) {
    readFolder("read_visium", folder, section, image = pathOf(image))
}

#' @rdname readFolders
#' @export
readST <- function(folder, section = NULL, pitchMicrons = 200, image = NULL) {
    readFolder(
        "read_st", folder, section,
        pitchMicrons = as.numeric(pitchMicrons), image = pathOf(image)
    )
}

#' @rdname readFolders
#' @export
readCells <- function(folder, section = NULL, micronsPerPixel = NULL) {
    readFolder(
        "read_cells", folder, section,
        micronsPerPixel = micronsPerPixel
    )
}

#' @rdname readFolders
#' @export
unpackArchive <- function(archive, folder) {
    path <- callPython(
        core()$data$unpack_archive, path.expand(archive), path.expand(folder)
    )
    invisible(py_to_r(bridge()$text(path)))
}

readFolder <- function(reader, folder, section, ...) {
    adata <- callPython(
        core()$data[[reader]], path.expand(folder),
        section = section, ...
    )
    asExperiment(adata)
}

pathOf <- function(path) if (!is.null(path)) path.expand(path)
