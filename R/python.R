# The dependencies of pyproject.toml; a test compares the two.
pythonPackages <- c(
    "anndata>=0.11", "jinja2>=3.1", "joblib>=1.4", "matplotlib>=3.8",
    "numba>=0.59", "numpy>=1.26", "pandas>=2.2,<3", "pillow>=10",
    "POT>=0.9.5", "safetensors>=0.4", "scanpy>=1.10", "scikit-learn>=1.5",
    "scipy>=1.12", "tifffile>=2024.1", "torch>=2.4", "torch-geometric>=2.5",
    "tqdm>=4.66"
)

# Without these no verb can run at all.
pythonModules <- c("numpy", "pandas", "scipy", "anndata", "torch")

state <- new.env(parent = emptyenv())

.onLoad <- function(libname, pkgname) {
    reticulate::py_require(pythonPackages, python_version = ">=3.11")
}

corePath <- function() {
    path <- system.file("python", package = "HistoBridge")
    if (!dir.exists(file.path(path, "histobridge"))) {
        fail(
            "the Python core inside the package (inst/python)",
            "a plain file or nothing; is it a checkout without symbolic links?"
        )
    }
    path
}

missingModules <- function() {
    util <- reticulate::import("importlib.util", convert = FALSE)
    absent <- vapply(pythonModules, function(module) {
        is.null(py_to_r(util$find_spec(module)))
    }, TRUE)
    pythonModules[absent]
}

checkPython <- function() {
    started <- tryCatch(
        reticulate::py_available(initialize = TRUE),
        error = function(e) FALSE
    )
    if (!started) {
        fail(
            "Python 3.11 or later with torch and anndata", "no usable Python",
            fix = paste(
                "set RETICULATE_PYTHON to one that has them, or unset it to",
                "let reticulate install one"
            )
        )
    }
    absent <- missingModules()
    if (length(absent)) {
        config <- reticulate::py_config()
        fail(
            paste("a Python with", toString(pythonModules)),
            paste0(
                "Python ", config$version, " (", config$python, ") without ",
                toString(absent)
            ),
            fix = paste(
                config$python, "-m pip install", paste(absent, collapse = " "),
                "(or unset RETICULATE_PYTHON), then restart R"
            )
        )
    }
}

# The Python package of this very R package, imported once per session.
core <- function() {
    if (is.null(state$core)) {
        path <- corePath()
        checkPython()
        # Worker processes inherit sys.path, so the entry has to stay there.
        sys <- reticulate::import("sys", convert = FALSE)
        sys$path$insert(0L, path)
        state$core <- reticulate::import("histobridge", convert = FALSE)
        state$bridge <- reticulate::import(
            "histobridge.interop.reticulate",
            convert = FALSE
        )
    }
    state$core
}

bridge <- function() {
    core()
    state$bridge
}

#' Is Python ready?
#'
#' Tells whether verbs can run: reads the Python that reticulate has chosen
#' (starting it when needed) and looks for the modules of the Python core;
#' writes nothing.
#'
#' @return \code{TRUE} or \code{FALSE}, never an error.
#' @examples
#' pythonReady()
#' @export
pythonReady <- function() {
    tryCatch(
        {
            core()
            TRUE
        },
        error = function(e) FALSE
    )
}

# Calls Python; what its contract refuses becomes an R error with the same text,
# and what it warns of an R warning.
# A named NULL leaves the default to Python.
callPython <- function(fun, ...) {
    arguments <- list(...)
    default <- nzchar(nameOf(arguments)) & vapply(arguments, is.null, TRUE)
    arguments <- lapply(arguments[!default], pythonArgument)
    refuseNA(arguments)
    names(arguments) <- snake(nameOf(arguments))
    notices <- bridge()$Notices()
    on.exit(for (text in unlist(py_to_r(notices$stop()))) {
        warning(text, call. = FALSE)
    })
    withCallingHandlers(
        do.call(fun, arguments),
        python.builtin.Exception = function(e) {
            if (inherits(e, "histobridge.contract.ContractError")) {
                stop(py_to_r(reticulate::py_str(e)), call. = FALSE)
            }
        }
    )
}

nameOf <- function(values) {
    if (is.null(names(values))) character(length(values)) else names(values)
}

snake <- function(names) gsub("([A-Z])", "_\\L\\1", names, perl = TRUE)

# Python has no NA: it would see TRUE, -2147483648 or the text "NA".
refuseNA <- function(arguments) {
    lost <- vapply(arguments, function(value) {
        is.atomic(value) && length(value) == 1L && is.na(value)
    }, TRUE)
    if (any(lost)) {
        name <- nameOf(arguments)[lost][1L]
        if (!nzchar(name)) name <- "every argument"
        stop("expected a value for ", name, "; found NA", call. = FALSE)
    }
}

# Python sees a list even where R has one element only.
asList <- function(values) if (is.null(values)) NULL else as.list(values)

# R users type 8 where Python expects the integer 8.
pythonArgument <- function(value) {
    whole <- is.double(value) && is.null(dim(value)) && length(value) &&
        all(is.finite(value)) && all(value == round(value)) &&
        all(abs(value) < .Machine$integer.max)
    if (whole) {
        storage.mode(value) <- "integer"
    }
    value
}
