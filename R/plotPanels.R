# Panels: spots of one section over its H&E, in full-resolution pixels, y down.
# Each panel is list(section, title, values); values are those of all spots.

sectionOf <- function(x) {
    section <- partOf(x, "colData")$sample_id
    if (is.null(section)) {
        section <- rep("sample01", length(partOf(x, "names")$spots))
    }
    as.character(section)
}

chosenSections <- function(x, sections) {
    there <- unique(sectionOf(x))
    there <- there[!is.na(there)]
    unknown <- setdiff(sections, there)
    if (length(unknown)) {
        fail("sections of the object", quoted(unknown), there)
    }
    if (is.null(sections)) there else sections
}

# Spots of a section, the diameter of one, and the corners of what is drawn.
groundOf <- function(x, section) {
    coords <- partOf(x, "spatialCoords")
    if (is.null(coords)) {
        fail(
            "spatial coordinates (spatialCoords, or images of a Seurat object)",
            "none"
        )
    }
    spots <- which(sectionOf(x) == section)
    points <- asXY(coords)[spots, seq_len(2), drop = FALSE]
    if (anyNA(points)) {
        fail("finite coordinates", paste(sum(is.na(points)), "missing"))
    }
    step <- pitchOf(points)
    known <- partOf(x, "settings")$spot_diameter_fullres
    known <- if (section %in% names(known)) known[[section]] else NA
    fits <- isTRUE(known > 0 && known <= step)
    list(
        section = section, spots = spots, points = points,
        diameter = if (fits) known else 0.72 * step,
        low = apply(points, 2, min) - step, high = apply(points, 2, max) + step
    )
}

# Median distance to the nearest spot, on a sample where there are many.
pitchOf <- function(points) {
    if (nrow(points) < 2) {
        return(1)
    }
    some <- unique(round(seq(1, nrow(points), length.out = 300)))
    nearest <- vapply(some, function(i) {
        d <- (points[, 1] - points[i, 1])^2 + (points[, 2] - points[i, 2])^2
        d <- d[d > 0]
        if (length(d)) sqrt(min(d)) else NA_real_
    }, 0)
    if (all(is.na(nearest))) 1 else stats::median(nearest, na.rm = TRUE)
}

# All panels of a figure have one ratio of height to width.
padded <- function(ground, ratio) {
    size <- ground$high - ground$low
    wanted <- c(max(size[1], size[2] / ratio), max(size[2], size[1] * ratio))
    grow <- (wanted - size) / 2
    ground$low <- ground$low - grow
    ground$high <- ground$high + grow
    ground
}

drawPanels <- function(
        x, panels, image = TRUE, label = NULL, limits = NULL, columns = NULL,
        shapes = discs, kinds = NULL, fill = NULL) {
    needGgplot()
    grounds <- lapply(panels, function(p) groundOf(x, p$section))
    ratio <- max(vapply(grounds, function(g) {
        size <- g$high - g$low
        size[2] / size[1]
    }, 0))
    ratio <- min(max(ratio, 0.3), 3)
    grounds <- lapply(grounds, padded, ratio)
    drawn <- Map(shapes, grounds, panels, seq_along(panels))
    drawn <- do.call(rbind, Filter(Negate(is.null), drawn))
    plot <- ggplot2::ggplot() + corners(grounds)
    if (image) {
        plot <- plot + imageLayers(x, grounds, panels)
    }
    if (!is.null(drawn)) {
        kinds <- if (is.null(kinds)) drawn$value else kinds
        plot <- plot + ggplot2::geom_polygon(
            ggplot2::aes(.data$x, .data$y,
                group = .data$group, fill = .data$value
            ),
            drawn,
            show.legend = TRUE
        ) + if (is.null(fill)) fillOf(kinds, label, limits) else fill
    }
    titles <- vapply(panels, function(p) p$title, "")
    names(titles) <- seq_along(panels)
    plot + ggplot2::facet_wrap("panel",
        scales = "free", ncol = columns,
        labeller = ggplot2::as_labeller(titles)
    ) +
        ggplot2::scale_x_continuous(expand = c(0, 0)) +
        ggplot2::scale_y_reverse(expand = c(0, 0)) +
        panelTheme(ratio)
}

corners <- function(grounds) {
    data <- do.call(rbind, lapply(seq_along(grounds), function(i) {
        g <- grounds[[i]]
        data.frame(
            x = c(g$low[1], g$high[1]), y = c(g$low[2], g$high[2]), panel = i
        )
    }))
    ggplot2::geom_blank(ggplot2::aes(.data$x, .data$y), data)
}

# Polygons instead of points, so that a spot is as large as it is on the tissue.
discs <- function(ground, panel, number) {
    if (is.null(panel$values)) {
        return(NULL)
    }
    n <- length(ground$spots)
    turn <- seq(0, 2 * pi, length.out = if (n > 5000) 9 else 25)[-1]
    each <- length(turn)
    centre <- ground$points[rep(seq_len(n), each = each), , drop = FALSE]
    radius <- ground$diameter / 2
    data.frame(
        x = unname(centre[, 1]) + radius * cos(turn),
        y = unname(centre[, 2]) + radius * sin(turn),
        group = paste(number, rep(seq_len(n), each = each)),
        value = rep(drawable(panel$values)[ground$spots], each = each),
        panel = number
    )
}
