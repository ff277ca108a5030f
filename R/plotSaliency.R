#' Draw an explanation
#'
#' Reads an \code{\linkS4class{Explanation}}; writes nothing. Shows the patches
#' of some spots and the maps of every method beside them: red speaks for the
#' target, blue against it, each map on its own scale. Maps of a method that
#' failed its tests are crossed out and titled FAILED; the title also says where
#' a map is no better than an edge map.
#'
#' @param x an \code{\linkS4class{Explanation}}.
#' @param spots names, or how many: those of the highest prediction.
#' @param methods names of methods, all when \code{NULL}.
#' @param ... not used.
#' @return A ggplot.
#' @examplesIf requireNamespace("ggplot2", quietly = TRUE)
#' found <- new("Explanation",
#'     maps = list(occlusion = array(c(-1, 0, 1, 2), c(1, 2, 2))),
#'     patches = array(200L, c(1, 2, 2, 3)),
#'     tables = list(
#'         verdict = data.frame(
#'             method = "occlusion", passes = FALSE, beats_edges = FALSE,
#'             reason = "constant map"
#'         ),
#'         spots = data.frame(spot = "a", prediction = 1)
#'     ),
#'     settings = list(target = "Penk")
#' )
#' plotSaliency(found)
#' @name plotSaliency
NULL

failedColour <- "#D55E00"

#' @rdname plotSaliency
#' @export
setMethod("plotSaliency", "Explanation", function(
        x, spots = 4, methods = NULL, ...) {
    if (!requireNamespace("ggplot2", quietly = TRUE)) {
        fail("the package ggplot2", "none that is installed")
    }
    methods <- methodsShown(x, methods)
    rows <- spotsShown(x, spots)
    pixels <- do.call(rbind, c(
        lapply(rows, function(i) panel(x, i, NULL)),
        lapply(methods, function(m) {
            do.call(rbind, lapply(rows, function(i) panel(x, i, m)))
        })
    ))
    crosses <- crossesOf(x, methods, rows)
    .data <- ggplot2::.data
    gaps <- ggplot2::margin(3, 0, 5, 0)
    ggplot2::ggplot(pixels) +
        ggplot2::geom_raster(ggplot2::aes(
            x = .data$column, y = .data$row, fill = .data$colour
        )) +
        ggplot2::geom_segment(
            ggplot2::aes(
                x = .data$from, xend = .data$to, y = .data$top,
                yend = .data$bottom
            ),
            data = crosses, colour = failedColour, linewidth = 0.8
        ) +
        ggplot2::facet_grid(spot ~ panel, switch = "y") +
        ggplot2::scale_fill_identity() +
        ggplot2::scale_y_reverse(expand = c(0, 0)) +
        ggplot2::scale_x_continuous(expand = c(0, 0)) +
        ggplot2::coord_fixed() +
        ggplot2::labs(
            title = paste("Evidence for", x@settings$target),
            subtitle = "red for it, blue against it"
        ) +
        ggplot2::theme_void(base_size = 11) +
        ggplot2::theme(
            panel.spacing = ggplot2::unit(3, "pt"),
            strip.text.x = ggplot2::element_text(margin = gaps),
            strip.text.y.left = ggplot2::element_text(angle = 90, size = 8)
        )
})

methodsShown <- function(x, methods) {
    methods <- if (is.null(methods)) names(x@maps) else methods
    absent <- setdiff(methods, names(x@maps))
    if (length(absent) || !length(methods)) {
        fail("methods that were run", toString(absent), names(x@maps))
    }
    methods
}

spotsShown <- function(x, spots) {
    table <- as.data.frame(x, what = "spots")
    if (is.numeric(spots)) {
        high <- order(table$prediction, decreasing = TRUE)
        return(utils::head(high, max(1, spots)))
    }
    rows <- match(spots, table$spot)
    if (anyNA(rows) || !length(rows)) {
        fail("spots that were explained", toString(spots), table$spot)
    }
    rows
}

# One patch, or one map over it in grey, as coloured pixels.
panel <- function(x, row, method) {
    patch <- x@patches[row, , , ] / 255
    dim(patch) <- dim(x@patches)[-1]
    shape <- dim(patch)[seq_len(2)]
    colour <- matrix(patch, ncol = 3)
    if (!is.null(method)) {
        values <- as.vector(x@maps[[method]][row, , ])
        most <- max(abs(values), .Machine$double.xmin)
        ramp <- grDevices::colorRamp(c("#2166AC", "#F7F7F7", "#B2182B"))
        shade <- ramp((values / most + 1) / 2) / 255
        colour <- 0.6 * shade + 0.4 * rowMeans(colour)
    }
    data.frame(
        row = as.vector(row(diag(0, shape[1], shape[2]))),
        column = as.vector(col(diag(0, shape[1], shape[2]))),
        colour = grDevices::rgb(colour), spot = spotLabel(x, row),
        panel = panelLabel(x, method)
    )
}

spotLabel <- function(x, row) {
    table <- as.data.frame(x, what = "spots")
    labels <- sprintf("%s\npredicted %.2f", table$spot, table$prediction)
    factor(labels[row], labels)
}

panelLabel <- function(x, method) {
    verdict <- as.data.frame(x, what = "verdict")
    state <- ifelse(verdict$beats_edges, "", "\nno better than edges")
    state[!verdict$passes] <- "\nFAILED its test"
    titles <- c("patch", paste0(verdict$method, state))
    at <- if (is.null(method)) 1L else match(method, verdict$method) + 1L
    factor(titles[at], titles)
}

# The two diagonals of every map that failed.
crossesOf <- function(x, methods, rows) {
    verdict <- as.data.frame(x, what = "verdict")
    failed <- intersect(methods, verdict$method[!verdict$passes])
    high <- dim(x@patches)[2]
    wide <- dim(x@patches)[3]
    found <- lapply(failed, function(m) {
        do.call(rbind, lapply(rows, function(i) {
            data.frame(
                from = 1, to = wide, top = c(1, high), bottom = c(high, 1),
                spot = spotLabel(x, i), panel = panelLabel(x, m)
            )
        }))
    })
    if (length(found)) {
        return(do.call(rbind, found))
    }
    data.frame(
        from = numeric(), to = numeric(), top = numeric(), bottom = numeric(),
        spot = spotLabel(x, 0), panel = panelLabel(x, NULL)[0]
    )
}
