#' What a bug report needs
#'
#' Versions of R, of the packages that HistoBridge uses, of Python and of its
#' packages, and the route by which memory is shared. No path and no user name
#' is given away.
#'
#' @return A list of class \code{histobridgeInfo} with \code{r} and
#' \code{packages} (named character; \code{NA} is not installed),
#' \code{python} and \code{pythonPackages} (the same for Python, empty when no
#' Python is ready) and \code{route}. It prints as plain text.
#' @examples
#' histobridgeInfo()
#' @export
histobridgeInfo <- function() {
    info <- list(
        r = c(
            HistoBridge = as.character(utils::packageVersion("HistoBridge")),
            R = as.character(getRversion()), platform = R.version$platform
        ),
        packages = versionsOf(dependencyNames()),
        python = character(), pythonPackages = character(), route = "none"
    )
    if (pythonReady()) {
        found <- callPython(
            core()$histobridge_info,
            requirements = as.list(pythonPackages)
        )
        info$python <- unlist(py_to_r(found$system))
        versions <- py_to_r(found$packages)
        absent <- vapply(versions, is.null, TRUE)
        versions[absent] <- NA_character_
        info$pythonPackages <- unlist(versions)
        info$route <- bridgeRoute()
    }
    structure(info, class = "histobridgeInfo")
}

dependencyNames <- function() {
    fields <- utils::packageDescription(
        "HistoBridge",
        fields = c("Depends", "Imports", "Suggests")
    )
    names <- unlist(strsplit(unlist(fields), ","))
    setdiff(trimws(sub("[[:space:](].*", "", trimws(names))), c("R", NA))
}

versionsOf <- function(names) {
    vapply(names, function(name) {
        if (nzchar(system.file(package = name))) {
            as.character(utils::packageVersion(name))
        } else {
            NA_character_
        }
    }, "")
}

#' @export
print.histobridgeInfo <- function(x, ...) {
    show <- function(values) {
        values[is.na(values)] <- "-"
        cat(paste(names(values), values), "", sep = "\n")
    }
    show(x$r)
    show(x$packages)
    show(c(x$python, "shared memory" = x$route))
    show(x$pythonPackages)
    invisible(x)
}
