#' List the systems and baselines
#'
#' Reads the registry of the Python core; writes nothing.
#'
#' @param task \code{"translation"}, \code{"staining"}, \code{"domains"},
#'     \code{"deconvolution"} or \code{"resolution"}; all when \code{NULL}.
#' @return A data frame with columns \code{name}, \code{task}, \code{status},
#'     \code{needs}, \code{paper}, \code{summary}, \code{evidence} and
#'     \code{deviations} from the paper.
#' @examplesIf pythonReady()
#' listSystems()[c("name", "task", "status")]
#' @export
listSystems <- function(task = NULL) {
    fromFrame(callPython(core()$list_systems, task))
}
