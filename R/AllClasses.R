#' A trained translation model
#'
#' Reads nothing; holds the Python model that \code{\link{trainTranslation}}
#' has fitted, and what is known about it. A model does not survive
#' \code{saveRDS()}; use \code{\link{saveModel}}.
#'
#' @slot python reference to the Python model.
#' @slot genes genes the model predicts.
#' @slot settings list of settings it was trained with.
#' @param object,x a \code{TranslationModel}.
#' @return \code{modelGenes()} a character vector; \code{modelSettings()} a
#'     list; \code{show()} prints and returns nothing.
#' @examples
#' new("TranslationModel", genes = c("Th", "Penk"), settings = list())
#' @aliases TranslationModel
#' @export
setClass("TranslationModel", slots = c(
    python = "ANY", genes = "character", settings = "list"
))

#' Scores of systems beside image-blind baselines
#'
#' Reads nothing; holds what a benchmark has returned: one row per system,
#' protocol and metric, and the audit of the splits for leakage.
#'
#' @slot table data frame of scores.
#' @slot headline data frame, the main metrics with a row per protocol and
#'     system.
#' @slot audit data frame, one row per split.
#' @slot settings list.
#' @slot python reference to the Python benchmark, for reports.
#' @param object,x a \code{Benchmark}.
#' @param row.names,optional as in \code{\link[base]{as.data.frame}}.
#' @param what the whole \code{"table"} of scores, the \code{"headline"} that
#'     \code{show()} prints, or the \code{"audit"} of splits.
#' @param ... not used.
#' @return \code{as.data.frame()} a data frame; \code{show()} prints and
#'     returns nothing.
#' @examples
#' scores <- data.frame(system = "ridge_plus", metric = "pearson", value = 0.4)
#' b <- new("Benchmark", table = scores, headline = scores)
#' b
#' as.data.frame(b)
#' @aliases Benchmark
#' @export
setClass("Benchmark", slots = c(
    table = "data.frame", headline = "data.frame", audit = "data.frame",
    settings = "list", python = "ANY"
))
