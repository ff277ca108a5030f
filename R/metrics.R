#' List the metrics and what they mean
#'
#' Reads nothing and writes nothing.
#'
#' @param task \code{"translation"}, \code{"domains"} or
#'     \code{"deconvolution"}; all when \code{NULL}.
#' @return A data frame: \code{name}, \code{task}, \code{definition}, the range
#'     \code{low} to \code{high}, and whether \code{more} or \code{less} is
#'     \code{better}.
#' @examplesIf pythonReady()
#' listMetrics("domains")[, c("name", "better")]
#' @export
listMetrics <- function(task = NULL) {
    fromFrame(callPython(core()$list_metrics, task))
}
