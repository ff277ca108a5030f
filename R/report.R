#' Write a report as one self-contained HTML file
#'
#' Reads benchmarks, held-out predictions and the results that verbs have added
#' to objects; writes \code{path} and beside it, under the same name, a model
#' card (Markdown), a reporting checklist (YAML: items of CONSORT-AI crossed
#' with FAIR indicators; what the run does not know is listed as open), the
#' scores with a Croissant description, and \code{ro-crate-metadata.json}.
#'
#' @param x a \code{\linkS4class{Benchmark}}, a \code{\linkS4class{HeldOut}}, a
#'     SpatialExperiment or Seurat object with results of a verb, or a named
#'     list of them.
#' @param path name of the HTML file.
#' @param truth column of labels drawn beside domains, where an object has it.
#' @param title title of the report.
#' @param licence address of the licence of the report, for its metadata.
#' @return The absolute path, invisibly.
#' @examplesIf pythonReady()
#' x <- deconvolve(exampleMixture()[, 1:20], exampleReference())
#' path <- writeReport(x, tempfile(fileext = ".html"))
#' file.exists(path)
#' @export
writeReport <- function(
        x, path, truth = NULL, title = "HistoBridge report", licence = NULL) {
    if (!is.list(x)) x <- list(result = x)
    written <- callPython(
        core()$write_report,
        pyDict(lapply(x, reportable), labelsOf(x)), path.expand(path),
        truth = truth, title = title, licence = licence
    )
    invisible(py_to_r(bridge()$text(written)))
}

reportable <- function(x) {
    if (is(x, "Benchmark") || is(x, "HeldOut")) livePython(x) else handOver(x)
}

labelsOf <- function(entries) {
    if (is.null(names(entries))) {
        return(as.character(seq_along(entries)))
    }
    names(entries)
}
