# One value per spot for a name: a column, a gene, or a row of a result.
valuesOf <- function(x, name, source = NULL, assay.type = "counts") {
    if (!is.null(source)) {
        return(list(values = fromSource(x, name, source), unit = source))
    }
    columns <- partOf(x, "colData")
    if (name %in% colnames(columns)) {
        return(list(values = columns[[name]], unit = NULL))
    }
    genes <- partOf(x, "names")$features
    if (!name %in% genes) {
        fail(
            paste("a column or gene named", dQuote(name, FALSE)), "neither",
            c(
                paste("columns:", quoted(colnames(columns))),
                paste("genes:", quoted(head(genes, 8)))
            )
        )
    }
    list(
        values = logExpression(x, name, assay.type),
        unit = "log1p counts per 10,000"
    )
}

# Columns and genes are told apart by `source`, the name of an assay or altExp.
fromSource <- function(x, name, source) {
    frames <- partOf(x, "altExps")
    assays <- partOf(x, "available")
    if (source %in% assays) {
        row <- oneRow(x, name)
        return(as.numeric(partOf(x, "counts", source)[row, ]))
    }
    if (!source %in% names(frames)) {
        fail(
            "an assay or altExp to read", dQuote(source, FALSE),
            c(assays, names(frames))
        )
    }
    rows <- rownames(frames[[source]])
    if (!name %in% rows) {
        fail(
            paste0("a row ", dQuote(name, FALSE), " of altExp ", source),
            "no such row", head(rows, 8)
        )
    }
    as.numeric(frames[[source]][name, ])
}

logExpression <- function(x, gene, assay.type = "counts") {
    counts <- partOf(x, "counts", assay.type)
    row <- as.numeric(counts[oneRow(x, gene), ])
    depth <- depthOf(counts)
    log1p(ifelse(depth > 0, row / depth * 1e4, 0))
}

depthOf <- function(counts) {
    if (is(counts, "Matrix")) {
        return(as.numeric(Matrix::colSums(counts)))
    }
    if (is.matrix(counts)) {
        return(colSums(counts))
    }
    as.numeric(DelayedArray::colSums(counts))
}

oneRow <- function(x, gene) {
    genes <- partOf(x, "names")$features
    row <- which(genes == gene)
    if (length(row) != 1) {
        fail(
            paste("one gene named", dQuote(gene, FALSE)),
            if (length(row)) paste(length(row), "of that name") else "none",
            head(genes, 8)
        )
    }
    row
}

# Text, logicals and factors are drawn with a legend, numbers with a bar.
drawable <- function(values) {
    if (is(values, "Rle")) {
        values <- as.vector(values)
    }
    if (is.numeric(values)) {
        return(as.numeric(values))
    }
    if (is.factor(values)) values else sortedFactor(as.character(values))
}

frameOf <- function(x, name, what) {
    frames <- partOf(x, "altExps")
    if (!name %in% names(frames)) {
        fail(
            paste0(what, " in altExp ", dQuote(name, FALSE)), "none",
            names(frames)
        )
    }
    as.matrix(frames[[name]])
}
