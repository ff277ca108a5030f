# A matrix in Python, and the same in R, as plain numbers of spots x genes.
asRows <- function(python) {
    if (!inherits(python, "numpy.ndarray")) {
        python <- python$toarray()
    }
    reticulate::py_to_r(python) + 0
}

dense <- function(m) t(unname(as.matrix(m))) + 0
