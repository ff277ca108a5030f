#' Draw spots over their tissue
#'
#' Reads coordinates, the images of the sections and what is drawn; writes
#' nothing. Every section is a panel, spots are as large as on the slide, and
#' axes are full-resolution pixels, so that layers can be added.
#'
#' @param x a SpatialExperiment or Seurat object.
#' @param colour column of \code{x} or, where there is none, a gene (log1p
#'     counts per 10,000); \code{NULL} draws the image alone.
#' @param source name of an assay (Seurat: layer) or of an altExp such as
#'     \code{"predicted"}, to read instead.
#' @param sections which sections, all when \code{NULL}.
#' @param image whether the H&E is drawn.
#' @param assay.type assay of the counts.
#' @param ... not used.
#' @return A ggplot.
#' @examplesIf requireNamespace("ggplot2", quietly = TRUE)
#' plotSpots(exampleBulb("Rep9"), "layer")
#' plotSpots(exampleMixture(), "eL4", source = "true_proportions")
#' @name plotSpots
NULL

#' @rdname plotSpots
#' @export
setMethod("plotSpots", "ANY", function(
        x, colour = NULL, source = NULL, sections = NULL, image = TRUE,
        assay.type = "counts", ...) {
    names <- chosenSections(x, sections)
    found <- if (!is.null(colour)) valuesOf(x, colour, source, assay.type)
    panels <- lapply(names, function(name) {
        list(section = name, title = name, values = found$values)
    })
    label <- colour
    if (!is.null(found$unit)) {
        label <- sprintf("%s\n(%s)", colour, found$unit)
    }
    drawPanels(x, panels, image, label)
})

#' Draw domains, beside labels
#'
#' Reads coordinates, images and columns of labels; writes nothing.
#'
#' @inheritParams plotSpots
#' @param name column of the domains.
#' @param truth column of labels that is drawn beside.
#' @return A ggplot.
#' @examplesIf requireNamespace("ggplot2", quietly = TRUE)
#' x <- exampleBulb("Rep9")
#' x$domain <- factor(as.integer(x$layer))
#' plotDomains(x, truth = "layer")
#' @name plotDomains
NULL

#' @rdname plotDomains
#' @export
setMethod("plotDomains", "ANY", function(
        x, name = "domain", truth = NULL, sections = NULL, ...) {
    columns <- partOf(x, "colData")
    shown <- c(truth, name)
    absent <- setdiff(shown, colnames(columns))
    if (length(absent)) {
        fail("columns of labels", quoted(absent), colnames(columns))
    }
    labels <- lapply(shown, function(column) {
        values <- drawable(columns[[column]])
        if (is.factor(values)) values else factor(values)
    })
    needGgplot()
    names(labels) <- shown
    legend <- if (length(shown) > 1) legendOf(labels)
    labels <- if (is.null(legend)) labels else legend$values
    panels <- lapply(chosenSections(x, sections), function(section) {
        Map(function(column, values) {
            title <- paste0(section, ": ", column)
            list(section = section, title = title, values = values)
        }, shown, labels)
    })
    drawPanels(x, unname(unlist(panels, recursive = FALSE)),
        fill = legend$scale
    )
})

#' Draw a measurement beside its prediction
#'
#' Reads coordinates, the image, counts and the altExp of the prediction;
#' writes nothing. Both are drawn in standard deviations from their mean over
#' the section, since predictions vary less than measurements do.
#'
#' @inheritParams plotSpots
#' @param gene a gene that was measured and predicted.
#' @param section one section, the first when \code{NULL}.
#' @param name altExp of the prediction; see \code{\link{predictExpression}}.
#' @return A ggplot of the H&E, the measured and the predicted expression; the
#'     title of the last has their correlation.
#' @examplesIf requireNamespace("ggplot2", quietly = TRUE)
#' x <- exampleBulb("Rep9")
#' shown <- as.matrix(assay(x, "counts")["Penk", , drop = FALSE])
#' altExp(x, "predicted") <- SummarizedExperiment(list(predicted = shown))
#' plotExpressionPair(x, "Penk")
#' @name plotExpressionPair
NULL

#' @rdname plotExpressionPair
#' @export
setMethod("plotExpressionPair", "ANY", function(
        x, gene, section = NULL, name = "predicted", assay.type = "counts",
        ...) {
    section <- chosenSections(x, section)[1]
    predicted <- frameOf(x, name, "a prediction")
    if (!gene %in% rownames(predicted)) {
        fail(
            paste("gene", dQuote(gene, FALSE), "in the prediction"),
            "no such row", head(rownames(predicted), 8)
        )
    }
    spots <- sectionOf(x) == section
    measured <- logExpression(x, gene, assay.type)
    guess <- as.numeric(predicted[gene, ])
    r <- correlation(measured[spots], guess[spots])
    titles <- c(
        paste0(section, ": H&E"), paste(gene, "measured"),
        sprintf("%s predicted (r = %.2f)", gene, r)
    )
    values <- list(
        NULL, standardised(measured, spots), standardised(guess, spots)
    )
    panels <- Map(function(title, v) {
        list(section = section, title = title, values = v)
    }, titles, values)
    drawPanels(x, unname(panels),
        label = "SD from\nthe mean", limits = c(-2.5, 2.5)
    )
})

standardised <- function(values, spots) {
    kept <- values[spots & is.finite(values)]
    spread <- sqrt(mean((kept - mean(kept))^2))
    (values - mean(kept)) / if (isTRUE(spread > 0)) spread else 1
}

correlation <- function(measured, predicted) {
    both <- is.finite(measured) & is.finite(predicted)
    constant <- length(unique(measured[both])) < 2 ||
        length(unique(predicted[both])) < 2
    if (constant) NaN else stats::cor(measured[both], predicted[both])
}
