# One matrix with spots as columns <-> one numpy or scipy matrix with spots as
# rows. A dgCMatrix and a CSR matrix of the transpose are the same buffers.

toMatrix <- function(m) {
    if (is(m, "DelayedMatrix") || is(m, "sparseMatrix")) {
        m <- asColumnSparse(m)
    }
    if (is(m, "dgCMatrix")) {
        return(toSparse(m))
    }
    toDense(m)
}

asColumnSparse <- function(m) {
    if (is(m, "dgCMatrix")) {
        return(m)
    }
    if (is(m, "DelayedMatrix")) {
        return(as(m, "dgCMatrix"))
    }
    as(as(as(m, "CsparseMatrix"), "generalMatrix"), "dMatrix")
}

toSparse <- function(m) {
    bridge()$sparse(
        shared(m@x), shared(m@i), shared(m@p), ncol(m), nrow(m)
    )
}

toDense <- function(m) bridge()$dense(numbers(m))

# spots x columns already, as in reducedDims.
toRows <- function(m) bridge()$rows(numbers(m))

numbers <- function(m) {
    m <- unname(as.matrix(m))
    # numpy knows NA only among doubles.
    if (!is.double(m) && (is.logical(m) || anyNA(m))) {
        storage.mode(m) <- "double"
    }
    r_to_py(m)
}

# R's own memory where Python can reach it, else one copy.
shared <- function(v) {
    holder <- new.env(parent = emptyenv())
    holder$v <- v
    view <- bridge()$share(holder, "v")
    none <- inherits(view, "python.builtin.NoneType")
    if (none) vector1d(v) else view
}

# What Python took apart, as spots x columns for an array, else features x
# spots.
fromMatrix <- function(parts, spots, columns = NULL) {
    if (parts$kind == "array") {
        dimnames(parts$values) <- list(spots, columns)
        return(parts$values)
    }
    m <- if (parts$kind == "frame") t(parts$values) else sparseFrom(parts)
    dimnames(m) <- list(columns, spots)
    m
}

sparseFrom <- function(parts) {
    new("dgCMatrix",
        i = as.integer(parts$i), p = as.integer(parts$p),
        x = as.double(parts$x),
        Dim = c(as.integer(parts$features), length(parts$p) - 1L)
    )
}
