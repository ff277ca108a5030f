# Graphs and neighbours of a Seurat object <-> obsp, row by row as they are.

seuratPairs <- function(x) {
    graphs <- lapply(namedList(SeuratObject::Graphs(x)), function(key) {
        x[[key]]
    })
    neighbours <- lapply(namedList(SeuratObject::Neighbors(x)), function(key) {
        neighbourMatrix(x[[key]], colnames(x))
    })
    Filter(function(m) {
        !is.null(m) && identical(dimnames(m), rep(list(colnames(x)), 2))
    }, c(graphs, neighbours))
}

# Distances of each cell (row) to its neighbours, or NULL where one is twice.
neighbourMatrix <- function(neighbours, cells) {
    index <- neighbours@nn.idx
    twice <- length(index) && any(apply(index, 1, anyDuplicated) > 0)
    if (anyNA(index) || twice || !identical(neighbours@cell.names, cells)) {
        return(NULL)
    }
    Matrix::sparseMatrix(
        i = as.vector(row(index)), j = as.vector(index),
        x = as.vector(neighbours@nn.dist),
        dims = rep(length(cells), 2), dimnames = list(cells, cells)
    )
}

seuratPairRecord <- function(x) {
    graphs <- lapply(namedList(SeuratObject::Graphs(x)), function(key) {
        list(assay = SeuratObject::DefaultAssay(x[[key]]))
    })
    neighbours <- lapply(namedList(SeuratObject::Neighbors(x)), function(key) {
        found <- x[[key]]
        list(
            index = found@nn.idx, named = dimnames(found@nn.dist),
            info = found@alg.info
        )
    })
    c(graphs, neighbours)[names(seuratPairs(x))]
}

oddPairsOf <- function(x) {
    keys <- c(SeuratObject::Graphs(x), SeuratObject::Neighbors(x))
    searchable <- Filter(function(key) {
        !is.null(x[[key]]@alg.idx)
    }, SeuratObject::Neighbors(x))
    c(
        sprintf("graph %s", setdiff(keys, names(seuratPairs(x)))),
        sprintf("search index of neighbours %s", searchable)
    )
}

addGraphs <- function(x, adata, record) {
    found <- inOrder(entries(adata, "obsp"), names(record$pairs))
    for (key in names(found)) {
        x[[key]] <- graphFrom(
            found[[key]], colnames(x),
            nowAt(record$pairs[[key]], names(record$idents), colnames(x)),
            SeuratObject::DefaultAssay(x)
        )
    }
    x
}

# Of the cells that are there now; neighbours of cells that are gone are no
# table any more, but a graph.
nowAt <- function(facts, then, now) {
    rows <- match(now, then)
    if (!length(facts$index) || identical(then, now)) {
        return(facts)
    }
    places <- match(then, now)[facts$index[rows, , drop = FALSE]]
    if (anyNA(places)) {
        return(NULL)
    }
    facts$index <- matrix(places, length(now))
    facts$named[[1]] <- facts$named[[1]][rows]
    facts
}

graphFrom <- function(value, cells, facts, assay) {
    m <- asClass(fromSparse(bridge()$transposed(value)), "dgCMatrix")
    dimnames(m) <- list(cells, cells)
    if (is.null(facts$index)) {
        graph <- SeuratObject::as.Graph(m)
        SeuratObject::DefaultAssay(graph) <- if (length(facts)) {
            facts$assay
        } else {
            assay
        }
        return(graph)
    }
    index <- facts$index
    distance <- matrix(
        m[cbind(as.vector(row(index)), as.vector(index))], nrow(index),
        dimnames = facts$named
    )
    new("Neighbor",
        nn.idx = index, nn.dist = distance, alg.idx = NULL,
        alg.info = as.list(facts$info), cell.names = cells
    )
}
