#' Write a report as one self-contained HTML file
#'
#' Reads the results that verbs have added to the objects, and benchmarks;
#' writes \code{path}.
#'
#' @param path name of the HTML file.
#' @param objects named list of SpatialExperiment or Seurat objects.
#' @param benchmarks named list of \code{\linkS4class{Benchmark}} objects.
#' @param truth column of labels that is drawn beside domains, where an object
#'     has it.
#' @param truth column of labels drawn beside domains, where an object has it.
#' @param title title of the report.
#' @return The absolute path, invisibly.
#' @examplesIf pythonReady()
#' x <- deconvolve(exampleMixture()[, 1:20], exampleReference())
#' writeReport(tempfile(fileext = ".html"), list(mixture = x))
#' @export
writeReport <- function(
        path, objects = list(), benchmarks = list(), truth = NULL,
        title = "HistoBridge report") {
    written <- callPython(
        core()$write_report, path.expand(path),
        objects = pyDict(lapply(objects, handOver), labelsOf(objects)),
        benchmarks = pyDict(
            lapply(benchmarks, livePython), labelsOf(benchmarks)
        ),
        truth = truth, title = title
    )
    invisible(py_to_r(bridge()$text(written)))
}

labelsOf <- function(entries) {
    if (is.null(names(entries))) {
        return(as.character(seq_along(entries)))
    }
    names(entries)
}
