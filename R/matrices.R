# One matrix with spots as columns <-> one numpy or scipy matrix with spots as
# rows. A dgCMatrix and a CSR matrix of the transpose are the same buffers.

toMatrix <- function(m) {
    if (is(m, "DelayedMatrix")) {
        return(toDelayed(m))
    }
    if (is(m, "sparseMatrix")) toSparse(asGeneral(m)) else toDense(m)
}

# General and by columns, or by rows where it already is; truth values stay.
asGeneral <- function(m) {
    general <- is(m, "generalMatrix")
    if (general && (is(m, "CsparseMatrix") || is(m, "RsparseMatrix"))) {
        return(m)
    }
    as(as(m, "CsparseMatrix"), "generalMatrix")
}

toSparse <- function(m) {
    rows <- is(m, "RsparseMatrix")
    x <- if (is(m, "nMatrix")) rep(TRUE, length(slotOf(m, rows))) else m@x
    # Python's truth values have no NA.
    if (is.logical(x) && anyNA(x)) {
        x <- as.double(x)
    }
    bridge()$sparse(
        shared(x), shared(slotOf(m, rows)), shared(m@p), ncol(m), nrow(m),
        is.logical(x), rows
    )
}

slotOf <- function(m, rows) if (rows) m@j else m@i

toDense <- function(m) bridge()$dense(numbers(m))

# spots x columns already, as in reducedDims.
toRows <- function(m) bridge()$rows(numbers(m))

numbers <- function(m) {
    m <- unname(if (is.array(m)) m else as.matrix(m))
    # numpy knows NA only among doubles.
    if (!is.double(m) && anyNA(m)) {
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

# R allocates and Python fills: one copy. Only then does R see the vector.
filled <- function(value, mode, order = "C", dim = NULL) {
    holder <- new.env(parent = emptyenv())
    size <- py_to_r(bridge()$size(value))
    limit <- mem.maxVSize() * 2^20
    if (!py_to_r(bridge()$allocate(holder, "v", mode, size, limit))) {
        holder$v <- vector(mode, size)
    }
    if (!py_to_r(bridge()$fill(holder, "v", value, order))) {
        holder$v <- as.vector(py_to_r(bridge()$flat(value, order)), mode)
    }
    v <- holder$v
    # Under a second name, R would copy it to set an attribute.
    holder$v <- NULL
    if (length(dim)) {
        dim(v) <- dim
    }
    v
}

fromArray <- function(value, order) {
    facts <- py_to_r(bridge()$array_facts(value))
    shape <- as.integer(unlist(facts$shape))
    filled(
        value, facts$mode, order, if (order == "F") shape else rev(shape)
    )
}

# A matrix of spots x genes as one of genes x spots.
fromSpots <- function(value) {
    kind <- py_to_r(bridge()$matrix_kind(value))
    switch(kind,
        array = fromArray(value, "C"),
        sparse = fromSparse(value),
        frame = fromArray(bridge()$frame_values(value), "C"),
        disk = fromDisk(value),
        fail("a numeric matrix with spots as rows", kind)
    )
}

sparseParts <- function(value) {
    parts <- pyItems(bridge()$sparse_parts(value))
    list(
        x = filled(parts$x, py_to_r(parts$mode)),
        i = filled(parts$i, "integer"), p = filled(parts$p, "integer"),
        rows = py_to_r(parts$rows),
        dim = rev(as.integer(unlist(py_to_r(parts$shape))))
    )
}

fromSparse <- function(value) {
    s <- sparseParts(value)
    letter <- if (is.logical(s$x)) "l" else "d"
    # Slot by slot: new() would check the positions, which Python has done.
    m <- new(paste0(letter, if (s$rows) "gRMatrix" else "gCMatrix"))
    if (s$rows) m@j <- s$i else m@i <- s$i
    m@p <- s$p
    m@x <- s$x
    m@Dim <- s$dim
    m
}

matrixClass <- function(m) {
    flagged <- is(m, "HDF5Matrix") && DelayedArray::is_sparse(m)
    paste0(
        if (flagged) "sparse ", if (is.matrix(m)) typeof(m) else class(m)[1]
    )
}

# Bioconductor expects column-sparse doubles wherever nothing else was recorded.
asClass <- function(m, class = NULL) {
    if (length(class) && matrixClass(m) == class) {
        return(m)
    }
    if (is(m, "DelayedMatrix")) {
        return(asDiskClass(m, c(class, "none")[1]))
    }
    if (length(class) && !hasRoom(class, m)) {
        class <- NULL
    }
    if (length(class) && class %in% c("double", "integer", "logical")) {
        m <- as.matrix(m)
        storage.mode(m) <- class
        return(m)
    }
    if (!length(class) || !grepl("^[dln][gstd][CRTeyrpi]Matrix$", class)) {
        return(if (is(m, "sparseMatrix")) as(m, "CsparseMatrix") else m)
    }
    letters <- strsplit(class, "")[[1]]
    kinds <- c(d = "dMatrix", l = "lMatrix", n = "nMatrix")
    forms <- c(
        g = "generalMatrix", s = "symmetricMatrix", t = "triangularMatrix",
        d = "diagonalMatrix"
    )
    stores <- c(
        C = "CsparseMatrix", R = "RsparseMatrix", T = "TsparseMatrix",
        e = "unpackedMatrix", y = "unpackedMatrix", r = "unpackedMatrix",
        p = "packedMatrix", i = "diagonalMatrix"
    )
    m <- as(as(m, kinds[[letters[1]]]), forms[[letters[2]]])
    as(m, stores[[letters[3]]])
}

# Python may have written values that the recorded class has no room for.
hasRoom <- function(class, m) {
    v <- if (is.matrix(m)) m else m@x
    mode <- c(i = "integer", l = "logical", n = "pattern")[substr(class, 1, 1)]
    form <- if (grepl("Matrix$", class)) substr(class, 2, 2) else "g"
    fitsMode(v, mode) && switch(form,
        s = Matrix::isSymmetric(m), t = Matrix::isTriangular(m),
        d = Matrix::isDiagonal(m), TRUE
    )
}

fitsMode <- function(v, mode) {
    switch(mode,
        integer = !is.double(v) ||
            all(v == trunc(v) & abs(v) < 2^31, na.rm = TRUE),
        logical = is.logical(v) || all(v == 0 | v == 1, na.rm = TRUE),
        pattern = isTRUE(all(v == 1)),
        TRUE
    )
}

# As it was recorded, where its values still are of that kind.
asMode <- function(v, mode) {
    if (length(mode) && fitsMode(unclass(v), mode)) {
        storage.mode(v) <- mode
    }
    v
}
