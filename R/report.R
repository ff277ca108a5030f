#' Write a report as one self-contained HTML file
#'
#' Reads the results that verbs have added to the objects, and benchmarks;
#' writes \code{path}.
#'
#' @param path name of the HTML file.
#' @param objects named list of SpatialExperiment or Seurat objects.
#' @param benchmarks named list of \code{\linkS4class{Benchmark}} objects.
#' @param title title of the report.
#' @return The path, invisibly.
#' @examplesIf pythonReady()
#' path <- tempfile(fileext = ".html")
#' writeReport(path, list(mixture = exampleMixture()))
#' @export
writeReport <- function(
        path, objects = list(), benchmarks = list(), title = "HistoBridge") {
    written <- callPython(
        core()$write_report, path.expand(path),
        objects = pyDict(lapply(objects, handOver), labelsOf(objects)),
        benchmarks = pyDict(
            lapply(benchmarks, livePython), labelsOf(benchmarks)
        ),
        title = title
    )
    invisible(py_to_r(bridge()$text(written)))
}

labelsOf <- function(entries) {
    if (is.null(names(entries))) {
        return(as.character(seq_along(entries)))
    }
    names(entries)
}
