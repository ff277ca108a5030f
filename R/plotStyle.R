# Okabe and Ito's palette, then darker and lighter turns of it; the same colours
# as in Python.
colours <- c(
    "#0072B2", "#E69F00", "#009E73", "#CC79A7", "#D55E00", "#56B4E9",
    "#F0E442", "#666666", "#004466", "#8F6300", "#006045", "#7F4A67",
    "#853B00", "#9FD4F2", "#B3AA32", "#BBBBBB"
)
missingColour <- "#DDDDDD"
statusColours <- c(
    house = "#0072B2", published = "#009E73", bound = "#D55E00",
    baseline = "#888888"
)
leakColours <- c(clean = "#009E73", leak = "#D55E00", unknown = "#DDDDDD")

needGgplot <- function() {
    if (!requireNamespace("ggplot2", quietly = TRUE)) {
        fail("the package ggplot2", "none",
            fix = "install.packages(\"ggplot2\")"
        )
    }
}

# Beyond the palette, colours are steps of viridis.
paletteOf <- function(levels) {
    n <- length(levels)
    found <- if (n <= length(colours)) {
        colours[seq_len(n)]
    } else {
        hcl.colors(n, "viridis")
    }
    names(found) <- levels
    found
}

panelTheme <- function(ratio) {
    ggplot2::theme_void(base_size = 11) + ggplot2::theme(
        aspect.ratio = ratio,
        plot.margin = ggplot2::margin(4, 4, 4, 4),
        legend.margin = ggplot2::margin(0, 4, 0, 8),
        panel.spacing = ggplot2::unit(4, "pt"),
        strip.text = ggplot2::element_text(margin = ggplot2::margin(3, 0, 3, 0))
    )
}

fillOf <- function(values, label, limits) {
    if (is.numeric(values)) {
        return(ggplot2::scale_fill_viridis_c(
            name = label, limits = limits, na.value = missingColour,
            oob = function(v, range, ...) pmin(pmax(v, range[1]), range[2])
        ))
    }
    ggplot2::scale_fill_manual(
        name = label, values = paletteOf(levels(values)), drop = FALSE,
        na.value = missingColour
    )
}

# Labels of several columns in one legend: no two levels share a colour, and the
# name of a column stands above its own. Levels are numbered, headings are not.
legendOf <- function(columns) {
    texts <- unlist(lapply(columns, levels), use.names = FALSE)
    first <- cumsum(c(0, lengths(lapply(columns, levels))))[seq_along(columns)]
    values <- Map(function(v, before) {
        factor(as.integer(v) + before, seq_along(texts))
    }, columns, first)
    headings <- paste("heading", seq_along(columns))
    breaks <- unlist(Map(function(heading, v, before) {
        c(heading, before + seq_along(levels(v)))
    }, headings, columns, first), use.names = FALSE)
    bold <- lapply(names(columns), function(n) bquote(bold(.(n))))
    labels <- c(as.list(texts), bold)
    names(labels) <- c(seq_along(texts), headings)
    hidden <- rep("transparent", length(headings))
    names(hidden) <- headings
    scale <- ggplot2::scale_fill_manual(
        name = NULL, values = c(paletteOf(seq_along(texts)), hidden),
        limits = breaks, breaks = breaks,
        labels = as.expression(unname(labels[breaks])),
        na.value = missingColour
    )
    list(values = values, scale = scale)
}

# The pronoun of ggplot2's aes().
utils::globalVariables(".data")
