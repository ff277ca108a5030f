#' Draw sections laid over one another
#'
#' Reads coordinates and aligned positions; writes nothing. On the left every
#' section lies around its own centre, on the right they share one frame.
#'
#' @inheritParams plotSpots
#' @param name reducedDim of the aligned positions; see
#'     \code{\link{alignSections}}.
#' @param colour column of labels; the section when \code{NULL}.
#' @return A ggplot.
#' @examplesIf requireNamespace("ggplot2", quietly = TRUE)
#' x <- exampleBulb()
#' reducedDim(x, "aligned") <- spatialCoords(x)
#' plotSections(x)
#' @name plotSections
NULL

#' @rdname plotSections
#' @export
setMethod("plotSections", "ANY", function(
        x, name = "aligned", colour = NULL, ...) {
    needGgplot()
    found <- partOf(x, "reducedDims")
    if (!name %in% names(found)) {
        fail(
            paste0("aligned positions in reducedDim ", dQuote(name, FALSE)),
            "none", names(found),
            fix = "x <- alignSections(x)"
        )
    }
    labels <- drawable(if (is.null(colour)) {
        factor(sectionOf(x), unique(sectionOf(x)))
    } else {
        valuesOf(x, colour)$values
    })
    if (is.numeric(labels)) {
        fail("a column of labels", paste("numbers in", dQuote(colour, FALSE)))
    }
    aligned <- found[[name]][, seq_len(2), drop = FALSE]
    centred <- centredSections(asXY(partOf(x, "spatialCoords")), aligned, x)
    data <- data.frame(
        x = c(centred[, 1], aligned[, 1]), y = c(centred[, 2], aligned[, 2]),
        value = rep(labels, 2),
        panel = factor(
            rep(c("before", name), each = nrow(aligned)),
            unique(c("before", name))
        )
    )
    data <- data[is.finite(data$x) & is.finite(data$y), ]
    size <- diff(range(data$y)) / diff(range(data$x))
    ggplot2::ggplot(data, ggplot2::aes(
        .data$x, .data$y,
        colour = .data$value
    )) +
        ggplot2::geom_point(size = 1.6, alpha = 0.6) +
        ggplot2::scale_colour_manual(
            name = NULL, values = paletteOf(levels(labels)),
            na.value = missingColour
        ) +
        ggplot2::facet_wrap("panel", scales = "free") +
        ggplot2::scale_y_reverse() +
        panelTheme(size)
})

# Around their own centres, in units of the aligned frame.
centredSections <- function(points, aligned, x) {
    section <- sectionOf(x)
    for (name in unique(section)) {
        spots <- which(section == name)
        own <- points[spots, seq_len(2), drop = FALSE]
        scale <- pitchOf(aligned[spots, , drop = FALSE]) / pitchOf(own)
        points[spots, seq_len(2)] <- t(t(own) - colMeans(own)) * scale
    }
    points
}
