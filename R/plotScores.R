#' Draw a benchmark
#'
#' Reads a table of scores; writes nothing. Every system has its score and its
#' interval, every protocol a panel.
#'
#' @param x a \code{\linkS4class{Benchmark}}, or a data frame like its table.
#' @param metric which metric, the main one when \code{NULL}.
#' @param fold which fold; \code{"all"} is the mean over all of them.
#' @param ... not used.
#' @return A ggplot.
#' @examplesIf requireNamespace("ggplot2", quietly = TRUE)
#' scores <- data.frame(
#'     system = c("ridge_plus", "train_mean"), status = c("house", "baseline"),
#'     protocol = "patients", fold = "all", metric = "pearson_gene",
#'     value = c(0.5, 0), lower = c(0.4, 0), upper = c(0.6, 0)
#' )
#' plotBenchmark(scores)
#' @name plotBenchmark
NULL

#' @rdname plotBenchmark
#' @export
setMethod("plotBenchmark", "Benchmark", function(
        x, metric = NULL, fold = "all", ...) {
    table <- as.data.frame(x)
    main <- intersect(names(as.data.frame(x, what = "headline")), table$metric)
    plotBenchmark(table, if (is.null(metric)) main[1] else metric, fold)
})

#' @rdname plotBenchmark
#' @export
setMethod("plotBenchmark", "data.frame", function(
        x, metric = NULL, fold = "all", ...) {
    needGgplot()
    if (is.null(metric)) metric <- x$metric[1]
    less <- metric %in% lessIsBetter
    rows <- scoresInOrder(scoresOf(x, metric, fold), less)
    ggplot2::ggplot(rows, ggplot2::aes(
        .data$value, .data$system,
        colour = .data$status
    )) +
        ggplot2::geom_vline(xintercept = 0, colour = "#BBBBBB") +
        ggplot2::geom_segment(
            ggplot2::aes(
                x = .data$lower, xend = .data$upper, yend = .data$system
            ),
            rows[is.finite(rows$lower), ],
            linewidth = 0.9
        ) +
        ggplot2::geom_point(size = 2.4) +
        ggplot2::geom_text(
            ggplot2::aes(label = twoDigits(.data$value)),
            size = 2.6, vjust = -0.8, show.legend = FALSE
        ) +
        ggplot2::facet_wrap("protocol",
            scales = "free_y",
            labeller = ggplot2::as_labeller(function(p) {
                paste("protocol:", p)
            })
        ) +
        ggplot2::scale_y_discrete(labels = function(p) sub(".*\r", "", p)) +
        ggplot2::scale_x_continuous(expand = c(0.12, 0)) +
        ggplot2::scale_colour_manual(
            name = NULL, values = statusColours, na.value = "#888888"
        ) +
        ggplot2::labs(
            x = paste0(metric, if (less) " (less is better)"), y = NULL
        ) +
        ggplot2::theme_minimal(base_size = 11)
})

# Protocols as they come; every protocol has its own order of the systems.
scoresInOrder <- function(rows, less) {
    rows$protocol <- factor(rows$protocol, unique(rows$protocol))
    rows <- rows[order(rows$value, decreasing = less), ]
    rows$system <- paste(rows$protocol, rows$system, sep = "\r")
    rows$system <- factor(rows$system, unique(rows$system))
    rows
}

# A small negative number is zero, not "-0.00".
twoDigits <- function(values) sprintf("%.2f", round(values, 2) + 0)

# The catalogue of metrics is Python's; a test compares the two.
lessIsBetter <- c(
    "nb_deviance", "chaos", "pas", "rmse_spot", "rmse_type", "jsd_spot",
    "jsd_type", "aggregation_error"
)

scoresOf <- function(table, metric, fold) {
    rows <- table[table$metric %in% metric, ]
    if (!nrow(rows)) {
        fail(
            "a metric of the table", dQuote(metric, FALSE), unique(table$metric)
        )
    }
    kept <- rows[rows$fold %in% fold, ]
    if (!nrow(kept)) {
        fail("a fold of the table", dQuote(fold, FALSE), unique(rows$fold))
    }
    kept
}

#' Draw what splits leak
#'
#' Reads the audit of splits; writes nothing. Every split is a column, every
#' leak a row; leaks are marked by more than a colour.
#'
#' @param x a data frame of \code{\link{auditSplit}}, or a
#'     \code{\linkS4class{Benchmark}}, \code{\linkS4class{SpatialFolds}} or
#'     \code{\linkS4class{HeldOut}} with an audit.
#' @param ... not used.
#' @return A ggplot.
#' @examplesIf requireNamespace("ggplot2", quietly = TRUE)
#' audit <- data.frame(
#'     split = c("one", "two"), flag = "a", leak = "patients on both sides",
#'     status = c("clean", "leak")
#' )
#' plotLeakage(audit)
#' @name plotLeakage
NULL

#' @rdname plotLeakage
#' @export
setMethod("plotLeakage", "ANY", function(x, ...) {
    plotLeakage(as.data.frame(x, what = "audit"))
})

#' @rdname plotLeakage
#' @export
setMethod("plotLeakage", "data.frame", function(x, ...) {
    needGgplot()
    flags <- flagsOf(x)
    flags$leak <- factor(flags$leak, rev(unique(flags$leak)))
    flags$split <- factor(flags$split, unique(flags$split))
    ggplot2::ggplot(flags, ggplot2::aes(.data$split, .data$leak)) +
        ggplot2::geom_tile(
            ggplot2::aes(fill = .data$status),
            width = 0.9, height = 0.9
        ) +
        ggplot2::geom_text(
            label = "!", data = flags[flags$status == "leak", ],
            colour = "white", fontface = "bold"
        ) +
        ggplot2::scale_fill_manual(
            name = NULL, values = leakColours, na.value = missingColour
        ) +
        ggplot2::labs(x = NULL, y = NULL) +
        ggplot2::theme_minimal(base_size = 11) +
        ggplot2::theme(
            panel.grid = ggplot2::element_blank(),
            axis.text.x = ggplot2::element_text(angle = 90, hjust = 1)
        )
})

# A row per split and leak, whichever audit it comes from.
flagsOf <- function(table) {
    if (all(c("split", "leak", "status") %in% names(table))) {
        table$leak <- paste(table$flag, table$leak, sep = "  ")
        return(table)
    }
    counted <- grep("^(overlapping|duplicated)", names(table), value = TRUE)
    if (!"split" %in% names(table) || !length(counted) || !nrow(table)) {
        fail("an audit of splits", "a table without one", names(table))
    }
    data.frame(
        split = rep(as.character(table$split), length(counted)),
        leak = rep(gsub("_", " ", counted), each = nrow(table)),
        status = ifelse(unlist(table[counted]) > 0, "leak", "clean")
    )
}
