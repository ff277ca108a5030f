# A fresh R, because one R session can only ever hold one Python.
runRscript <- function(script, python = NULL) {
    file <- tempfile(fileext = ".R")
    writeLines(script, file)
    libraries <- paste(.libPaths(), collapse = .Platform$path.sep)
    output <- suppressWarnings(system2(
        file.path(R.home("bin"), "Rscript"), c("--no-save", shQuote(file)),
        stdout = TRUE, stderr = TRUE,
        env = c(
            paste0("R_LIBS=", libraries),
            if (length(python)) paste0("RETICULATE_PYTHON=", python)
        )
    ))
    status <- attr(output, "status")
    list(
        status = if (is.null(status)) 0L else status,
        output = paste(output, collapse = "\n")
    )
}
