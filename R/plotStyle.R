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

# The pronoun of ggplot2's aes().
utils::globalVariables(".data")
