#' Draw cell type proportions
#'
#' Reads coordinates, images and the altExp (Seurat: assay) of proportions;
#' writes nothing.
#'
#' @inheritParams plotSpots
#' @param name altExp of the proportions; see \code{\link{deconvolve}}.
#' @param section which sections, all when \code{NULL}.
#' @param kind \code{"panels"}: one panel per type and section; \code{"pies"}:
#'     one pie per spot; \code{"dominant"}: the type with the largest
#'     proportion.
#' @return A ggplot.
#' @examplesIf requireNamespace("ggplot2", quietly = TRUE)
#' plotProportions(exampleMixture(), "true_proportions", kind = "dominant")
#' plotProportions(exampleMixture(), "true_proportions", kind = "pies")
#' @name plotProportions
NULL

#' @rdname plotProportions
#' @export
setMethod("plotProportions", "ANY", function(
        x, name = "proportions", section = NULL,
        kind = c("panels", "pies", "dominant"), ...) {
    kind <- match.arg(kind)
    shares <- frameOf(x, name, "proportions")
    sections <- chosenSections(x, section)
    switch(kind,
        panels = typePanels(x, shares, sections),
        pies = piePanels(x, shares, sections),
        dominant = drawPanels(x, lapply(sections, function(name) {
            list(section = name, title = name, values = dominantType(shares))
        }), label = "largest")
    )
})

typePanels <- function(x, shares, sections) {
    grid <- expand.grid(type = rownames(shares), section = sections)
    panels <- lapply(seq_len(nrow(grid)), function(i) {
        type <- as.character(grid$type[i])
        section <- as.character(grid$section[i])
        several <- length(sections) > 1
        list(
            section = section, values = shares[type, ],
            title = if (several) paste0(section, ": ", type) else type
        )
    })
    drawPanels(x, panels,
        label = "proportion", limits = c(0, max(shares, na.rm = TRUE)),
        columns = min(6, length(panels))
    )
}

dominantType <- function(shares) {
    known <- colSums(is.na(shares)) == 0
    top <- rep(NA_integer_, ncol(shares))
    top[known] <- max.col(t(shares[, known, drop = FALSE]), "first")
    factor(rownames(shares)[top], rownames(shares))
}

piePanels <- function(x, shares, sections) {
    types <- factor(rownames(shares), rownames(shares))
    panels <- lapply(sections, function(name) {
        list(section = name, title = name, values = shares)
    })
    drawPanels(x, panels, label = "type", shapes = pies, kinds = types)
}

# Wedges clockwise from the top, in the order of the types.
pies <- function(ground, panel, number) {
    shares <- panel$values[, ground$spots, drop = FALSE]
    total <- colSums(shares)
    drawn <- which(is.finite(total) & total > 0)
    wedges <- lapply(drawn, function(i) {
        ends <- c(0, cumsum(shares[, i]) / total[i])
        kept <- which(diff(ends) > 1e-3)
        lapply(kept, function(k) {
            rim <- wedge(
                ground$points[i, ], ground$diameter / 2, ends[k], ends[k + 1]
            )
            cbind(rim, spot = i, type = k)
        })
    })
    found <- do.call(rbind, unlist(wedges, recursive = FALSE))
    data.frame(
        x = found[, 1], y = found[, 2],
        group = paste(number, found[, "spot"], found[, "type"]),
        value = factor(rownames(shares)[found[, "type"]], rownames(shares)),
        panel = number
    )
}

# y grows downwards, so minus the cosine starts at the top.
wedge <- function(centre, radius, start, end) {
    corners <- max(2, ceiling(24 * (end - start)) + 1)
    turn <- 2 * pi * seq(start, end, length.out = corners)
    rbind(
        unname(centre),
        cbind(
            centre[[1]] + radius * sin(turn), centre[[2]] - radius * cos(turn)
        )
    )
}
