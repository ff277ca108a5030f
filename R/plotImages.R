# The H&E of every panel, cut to what is drawn and no finer than a screen.
imageLayers <- function(x, grounds, panels, most = 1000) {
    images <- partOf(x, "imgData")
    layers <- lapply(seq_along(grounds), function(i) {
        part <- imageOf(images, grounds[[i]], most)
        if (is.null(part)) {
            return(NULL)
        }
        list(
            imageLayer(part, i),
            if (!is.null(panels[[i]]$values)) veil(i)
        )
    })
    unlist(layers, recursive = FALSE)
}

imageOf <- function(images, ground, most) {
    rows <- which(images$sample_id == ground$section)
    if (!length(rows)) {
        return(NULL)
    }
    row <- rows[c(which(images$image_id[rows] == "hires"), 1)[1]]
    scale <- images$scale[row]
    if (!isTRUE(is.finite(scale) && scale > 0)) {
        fail(
            paste("a scale factor of the image of section", ground$section),
            paste(scale)
        )
    }
    raster <- rasterOf(images$image[[row]])
    cutRaster(raster, ground$low, ground$high, scale, most)
}

rasterOf <- function(image) {
    if (is(image, "VirtualSpatialImage")) {
        return(imgRaster(image))
    }
    # Seurat keeps (row, column, channel) between 0 and 1.
    grDevices::as.raster(image)
}

# Pixel j of an image covers [j - 1, j) / scale of the slide. Of every square of
# `step` pixels the middle one is taken.
cutRaster <- function(raster, low, high, scale, most) {
    columns <- pixelRange(low[1] * scale, high[1] * scale, ncol(raster))
    rows <- pixelRange(low[2] * scale, high[2] * scale, nrow(raster))
    if (is.null(columns) || is.null(rows)) {
        return(NULL)
    }
    step <- max(1, ceiling(max(diff(columns), diff(rows)) / most))
    j <- seq(columns[1], columns[2] - 1, by = step)
    i <- seq(rows[1], rows[2] - 1, by = step)
    middle <- (step - 1) %/% 2 + 1
    cut <- as.matrix(raster)[
        pmin(i + middle, nrow(raster)), pmin(j + middle, ncol(raster)),
        drop = FALSE
    ]
    list(
        raster = grDevices::as.raster(cut),
        xmin = columns[1] / scale, xmax = (max(j) + step) / scale,
        ymin = rows[1] / scale, ymax = (max(i) + step) / scale
    )
}

pixelRange <- function(low, high, size) {
    range <- c(max(0, floor(low)), min(size, ceiling(high)))
    if (range[2] > range[1]) range
}

# annotation_raster() would draw in every facet; y grows downwards.
imageLayer <- function(part, panel) {
    ggplot2::layer(
        geom = ggplot2::GeomRasterAnn, stat = "identity",
        position = "identity", data = data.frame(panel = panel),
        inherit.aes = FALSE,
        params = list(
            raster = part$raster, xmin = part$xmin, xmax = part$xmax,
            ymin = -part$ymax, ymax = -part$ymin, interpolate = FALSE
        )
    )
}

# Lets colours on top of the tissue stand out.
veil <- function(panel) {
    ggplot2::geom_rect(
        ggplot2::aes(xmin = -Inf, xmax = Inf, ymin = -Inf, ymax = Inf),
        data.frame(panel = panel),
        fill = "white", alpha = 0.5
    )
}
