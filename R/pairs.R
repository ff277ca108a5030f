# colPairs and rowPairs <-> obsp and varp. A sparse matrix has one value per
# edge, sorted; further columns of edges and their order go into the record.

pairsOf <- function(x, side) {
    if (is(x, "SingleCellExperiment")) innerParts(x, paste0(side, "Pairs"))
}

edgeValues <- function(hits) {
    columns <- mcols(hits, use.names = FALSE)
    usable <- length(columns) && is.atomic(columns[[1]]) &&
        (is.numeric(columns[[1]]) || is.logical(columns[[1]]))
    if (usable) columns[[1]] else rep(TRUE, length(hits))
}

# Several edges between the same two would be added up.
simplePairs <- function(pairs) {
    Filter(function(hits) {
        ends <- cbind(S4Vectors::from(hits), S4Vectors::to(hits))
        columns <- mcols(hits, use.names = FALSE)
        !anyDuplicated(ends) && !anyNA(vapply(columns, columnKind, ""))
    }, pairs)
}

pairOrder <- function(hits) order(S4Vectors::from(hits), S4Vectors::to(hits))

toPairs <- function(hits) {
    if (is(hits, "sparseMatrix")) {
        return(bridge()$transposed(toMatrix(hits)))
    }
    sorted <- pairOrder(hits)
    n <- S4Vectors::nnode(hits)
    from <- tabulate(S4Vectors::from(hits), n)
    x <- edgeValues(hits)[sorted]
    bridge()$sparse(
        shared(if (anyNA(x)) as.double(x) else x),
        shared(S4Vectors::to(hits)[sorted] - 1L),
        shared(c(0L, cumsum(from))), n, n, is.logical(x) && !anyNA(x)
    )
}

pairRecord <- function(hits) {
    columns <- mcols(hits, use.names = FALSE)
    list(
        from = S4Vectors::from(hits), to = S4Vectors::to(hits),
        class = class(hits)[1], mode = typeof(edgeValues(hits)),
        columns = columns
    )
}

# `places` are those that the recorded nodes have now.
fromPairs <- function(value, record, places) {
    parts <- sparseParts(value)
    n <- length(parts$p) - 1L
    ends <- list(rep(seq_len(n), diff(parts$p)), parts$i + 1L)
    ends <- if (parts$rows) rev(ends) else ends
    hits <- S4Vectors::SelfHits(ends[[1]], ends[[2]], n, x = parts$x)
    hits <- hits[pairOrder(hits)]
    # A number for each edge; n times n has room in a double.
    edges <- (S4Vectors::from(hits) - 1) * n + S4Vectors::to(hits)
    known <- match((places[record$from] - 1) * n + places[record$to], edges)
    kept <- which(!is.na(known))
    # Edges that Python has made are in no recorded column.
    if (is.null(record) || length(kept) != length(hits)) {
        return(hits)
    }
    hits <- hits[known[kept]]
    columns <- record$columns[kept, , drop = FALSE]
    values <- mcols(hits)$x
    if (length(columns) && identical(typeof(columns[[1]]), record$mode) &&
        is.atomic(columns[[1]]) && !is.object(columns[[1]])) {
        storage.mode(values) <- record$mode
        columns[[1]] <- values
    }
    mcols(hits) <- columns
    if (is(hits, record$class)) hits else as(hits, record$class)
}
