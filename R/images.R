# Images: a stored image travels as its path, a loaded one as uint8 pixels in
# the order (row, column, channel) that Python expects.

toImage <- function(image) {
    if (is.character(image)) {
        return(r_to_py(path.expand(image)))
    }
    if (is(image, "LoadedSpatialImage")) {
        return(toRaster(imgRaster(image)))
    }
    if (is(image, "RemoteSpatialImage")) {
        return(r_to_py(imgSource(image)))
    }
    if (is(image, "VirtualSpatialImage")) {
        return(r_to_py(path.expand(imgSource(image, path = TRUE))))
    }
    toPixels(image)
}

# col2rgb() walks a raster row by row, which already is Python's order.
toRaster <- function(raster) {
    colours <- as.vector(raster)
    alpha <- anyNA(colours) || any(nchar(colours) == 9)
    bytes <- as.raw(col2rgb(colours, alpha = alpha))
    bridge()$pixels(
        shared(bytes), nrow(raster), ncol(raster), if (alpha) 4L else 3L
    )
}

fromRaster <- function(pixels, lower = FALSE) {
    parts <- pyItems(bridge()$pixel_parts(pixels))
    size <- as.integer(unlist(py_to_r(parts$size)))
    bytes <- matrix(as.integer(filled(parts$bytes, "raw")), size[3])
    hex <- sprintf(if (isTRUE(lower)) "%02x" else "%02X", 0:255)
    channels <- lapply(seq_len(size[3]), function(i) hex[bytes[i, ] + 1L])
    structure(
        do.call(paste0, c("#", channels)),
        dim = size[seq_len(2)], class = "raster"
    )
}

# A path or address stays one; pixels become a loaded image.
fromImage <- function(image, lower = FALSE) {
    if (inherits(image, "python.builtin.str")) {
        source <- py_to_r(image)
        return(SpatialImage(source, is.url = grepl("^(https?|ftp)://", source)))
    }
    SpatialImage(fromRaster(image, lower))
}

# Seurat keeps (row, column, channel) between 0 and 1 in R's column order.
toPixels <- function(image) {
    if (length(dim(image)) == 2) {
        image <- array(image, c(dim(image), 3))
    }
    image <- image[, , seq_len(min(3, dim(image)[3])), drop = FALSE]
    bytes <- as.raw(round(255 * aperm(image, c(3, 2, 1))))
    bridge()$pixels(shared(bytes), nrow(image), ncol(image))
}

# imgData rows, facts and what else is known -> uns["spatial"][sample_id].
toLibraries <- function(images, facts, further = NULL) {
    samples <- unique(c(
        images$sample_id, unlist(lapply(facts, names)), names(further)
    ))
    libraries <- lapply(samples, function(sample) {
        rows <- which(images$sample_id == sample)
        ids <- images$image_id[rows]
        factors <- as.list(images$scale[rows])
        names(factors) <- sprintf("tissue_%s_scalef", ids)
        for (fact in names(facts)) {
            factors[[fact]] <- unname(facts[[fact]][sample])
        }
        factors <- Filter(Negate(anyNA), factors)
        more <- as.list(further[[sample]])
        known <- list(
            images = pyDict(lapply(images$image[rows], toImage), ids),
            scalefactors = pyDict(c(factors, more$scalefactors)),
            metadata = pyDict(list())
        )
        more <- more[setdiff(names(more), "scalefactors")]
        c(known[setdiff(names(known), names(more))], lapply(more, toValue))
    })
    pyDict(lapply(libraries, pyDict), samples)
}

# reticulate turns an empty list into a Python list; here it stays a dict.
pyDict <- function(entries, keys = names(entries)) {
    reticulate::py_dict(
        as.list(keys), unname(as.list(entries)),
        convert = FALSE
    )
}
