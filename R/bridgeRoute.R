#' How numbers travel between R and Python
#'
#' Reads nothing and writes nothing: shares a small vector and tells whether
#' Python sees it in R's own memory. Where R's C interface cannot be reached,
#' vectors are copied once in each direction.
#'
#' @return \code{"shared"} or \code{"copied"}.
#' @examplesIf pythonReady()
#' bridgeRoute()
#' @export
bridgeRoute <- function() {
    holder <- new.env(parent = emptyenv())
    holder$v <- c(1, 2)
    view <- bridge()$share(holder, "v")
    if (inherits(view, "python.builtin.NoneType")) "copied" else "shared"
}
