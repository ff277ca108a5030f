# Coordinates are (x, y); names tell when a source keeps (row, column).
xNames <- c(
    "x", "pxl_col_in_fullres", "imagecol", "col", "array_col", "x_centroid",
    "sdimx", "array_x"
)
yNames <- c(
    "y", "pxl_row_in_fullres", "imagerow", "row", "array_row", "y_centroid",
    "sdimy", "array_y"
)

isRowFirst <- function(names) {
    names <- tolower(names)
    length(names) >= 2 && names[1] %in% yNames && names[2] %in% xNames
}

# Back from (x, y) to the order that the names of the axes tell.
inOwnOrder <- function(coords, names) {
    if (isRowFirst(names)) {
        coords <- coords[, c(2, 1, seq_along(names)[-c(1, 2)]), drop = FALSE]
    }
    colnames(coords) <- if (length(names)) names
    coords
}

asXY <- function(coords) {
    coords <- as.matrix(coords)
    if (isRowFirst(colnames(coords))) {
        order <- c(2, 1, seq_len(ncol(coords))[-c(1, 2)])
        coords <- coords[, order, drop = FALSE]
    }
    storage.mode(coords) <- "double"
    coords
}
