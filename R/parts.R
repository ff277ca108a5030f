# The parts of an object that the mapping table names, as plain R values. Only
# these functions and place() know the classes; everything else sees parts.
setGeneric("partOf", function(x, part, ...) standardGeneric("partOf"))

setMethod("partOf", "ANY", function(x, part, ...) {
    fail(
        "a SpatialExperiment, SingleCellExperiment or Seurat object",
        paste("class", class(x)[1])
    )
})

setMethod("partOf", "SummarizedExperiment", function(x, part, ...) {
    switch(part,
        names = list(spots = colnames(x), features = rownames(x)),
        counts = namedAssay(x, ...),
        layers = otherAssays(x, ...),
        colData = colData(x),
        rowData = rowData(x),
        reducedDims = dimensions(x),
        altExps = ownAltExps(x),
        spatialCoords = if (hasCoords(x)) spatialCoords(x),
        imgData = imageTable(x),
        settings = ownSettings(x),
        rowRanges = realRanges(x),
        loadings = wholeLoadings(x),
        colPairs = simplePairs(pairsOf(x, "col")),
        rowPairs = simplePairs(pairsOf(x, "row")),
        experiments = otherExperiments(x),
        metadata = otherMetadata(x),
        record = recordOf(x, ...),
        sections = unique(as.character(colData(x)$sample_id)),
        taken = takenNames(x),
        available = assayNames(x),
        others = notCarried(x)
    )
})

namedAssay <- function(x, assay.type) {
    if (!assay.type %in% assayNames(x)) {
        fail(
            paste("an assay named", dQuote(assay.type, FALSE)), "none",
            assayNames(x),
            fix = paste(
                "name the assay of raw counts with",
                sprintf("assayNames(x)[1] <- \"%s\"", assay.type)
            )
        )
    }
    assay(x, assay.type, withDimnames = FALSE)
}

# Loadings of every feature, and matrices that came from varm.
wholeLoadings <- function(x) {
    found <- list()
    if (is(x, "SingleCellExperiment")) {
        dims <- Filter(function(m) {
            is(m, "LinearEmbeddingMatrix") &&
                isWhole(SingleCellExperiment::featureLoadings(m), rownames(x))
        }, innerParts(x, "reducedDims"))
        # The names of their axes are in the record.
        found <- lapply(dims, function(m) {
            unname(SingleCellExperiment::featureLoadings(m))
        })
    }
    c(found, varmOf(x))
}

varmOf <- function(x) {
    found <- metadata(x)$varm
    fits <- is.list(found) && length(names(found)) && all(vapply(
        found, function(m) is.matrix(m) && identical(rownames(m), rownames(x)),
        TRUE
    ))
    if (fits) found
}

otherMetadata <- function(x) {
    found <- metadata(x)
    keys <- nameOf(found)
    ours <- keys == "HistoBridge" | (keys == "varm" & length(varmOf(x)) > 0)
    found[!ours & nzchar(keys) & !keys %in% reserved & !duplicated(keys)]
}

# Each call of an accessor checks the whole object again, which takes longer
# than everything else on the way to Python.
innerParts <- function(x, part, ...) {
    inner <- if (part == "rowPairs") {
        SingleCellExperiment::int_elementMetadata(x)
    } else {
        SingleCellExperiment::int_colData(x)
    }
    if (!is.null(inner[[part]]) && !ncol(inner[[part]])) {
        return(list())
    }
    as.list(getExportedValue("SingleCellExperiment", part)(x, ...))
}

otherExperiments <- function(x) {
    if (is(x, "SingleCellExperiment")) {
        # Without spots the getter would add names that are not there.
        found <- innerParts(x, "altExps", withDimnames = ncol(x) > 0)
        found[setdiff(names(found), names(ownAltExps(x)))]
    }
}

otherAssays <- function(x, assay.type) {
    fit <- assayNames(x)[isFit(x)]
    as.list(assays(x, withDimnames = FALSE))[setdiff(fit, assay.type)]
}

dimensions <- function(x) {
    if (is(x, "SingleCellExperiment")) {
        lapply(innerParts(x, "reducedDims"), as.matrix)
    }
}

hasCoords <- function(x) {
    is(x, "SpatialExperiment") && ncol(spatialCoords(x)) > 0
}

# An altExp is ours to carry as a table when it has nothing but one assay of
# its own name.
ownAltExps <- function(x) {
    if (is(x, "SingleCellExperiment")) {
        found <- innerParts(x, "altExps")
        own <- vapply(names(found), function(key) {
            isBare(found[[key]], key)
        }, TRUE)
        Map(function(se, key) assay(se, key), found[own], names(found)[own])
    }
}

isBare <- function(se, key) {
    identical(assayNames(se), key) && !length(rowData(se)) &&
        !length(colData(se)) && !length(metadata(se)) &&
        identical(class(se)[1], "SummarizedExperiment") &&
        (is.numeric(assay(se)) || is(assay(se), "dMatrix")) &&
        !anyDuplicated(rownames(se)) && !is.null(rownames(se))
}

imageTable <- function(x) {
    if (is(x, "SpatialExperiment") && length(imgData(x)$data)) {
        table <- imgData(x)
        list(
            sample_id = as.character(table$sample_id),
            image_id = as.character(table$image_id),
            image = as.list(table$data),
            scale = as.numeric(table$scaleFactor)
        )
    }
}

# cbind() keeps one entry per object; here they are one again.
ownSettings <- function(x) {
    merged <- list()
    for (entry in metadata(x)[names(metadata(x)) == "HistoBridge"]) {
        for (fact in intersect(sectionParts, names(entry))) {
            values <- c(merged[[fact]], entry[[fact]])
            merged[[fact]] <- values[!duplicated(names(values))]
        }
        new <- setdiff(names(entry), names(merged))
        merged[new] <- entry[new]
    }
    if (length(merged)) merged
}

# Names of what has no place in an AnnData.
notCarried <- function(x) {
    keys <- nameOf(metadata(x))
    bad <- keys %in% reserved | !nzchar(keys) |
        (duplicated(keys) & keys != "HistoBridge")
    known <- otherMetadata(x)
    c(
        if (any(bad)) sprintf("metadata entry \"%s\"", keys[bad]),
        unlist(Map(aliens, known, sprintf("metadata$%s", names(known)))),
        aliens(metadata(x)$HistoBridge, "metadata$HistoBridge"),
        attachedTo(colData(x), "colData"), attachedTo(rowData(x), "rowData"),
        if (is(x, "SingleCellExperiment")) oddDims(x),
        if (is(x, "SingleCellExperiment")) oddPairs(x),
        oddImages(x), oddAssays(x), oddInside(x), oddNested(x)
    ) |> unname()
}

oddNested <- function(x) {
    nested <- otherExperiments(x)
    unlist(lapply(names(nested), function(key) {
        sprintf("%s of altExp %s", partOf(nested[[key]], "others"), key)
    }))
}

# Assays that are a matrix of numbers under a name of its own.
isFit <- function(x) {
    keys <- nameOf(assays(x, withDimnames = FALSE))
    numbers <- vapply(seq_along(keys), function(i) {
        m <- assay(x, i, withDimnames = FALSE)
        length(dim(m)) == 2 &&
            (!is.array(m) || is.numeric(m) || is.logical(m))
    }, TRUE)
    numbers & nzchar(keys) & !duplicated(keys)
}

oddAssays <- function(x) {
    keys <- nameOf(assays(x, withDimnames = FALSE))
    keys <- ifelse(nzchar(keys), keys, seq_along(keys))
    sprintf("assay %s", keys[!isFit(x)])
}

# What other packages keep in slots and fields of their own.
oddInside <- function(x) {
    classes <- c(
        "SpatialExperiment", "SingleCellExperiment",
        "RangedSummarizedExperiment", "SummarizedExperiment"
    )
    base <- Filter(function(class) is(x, class), classes)[1]
    slots <- setdiff(methods::slotNames(x), methods::slotNames(base))
    fields <- if (is(x, "SingleCellExperiment")) {
        known <- c(
            "reducedDims", "altExps", "colPairs", "rowPairs", "spatialCoords"
        )
        setdiff(c(
            names(SingleCellExperiment::int_colData(x)),
            names(SingleCellExperiment::int_elementMetadata(x))
        ), known)
    }
    c(
        sprintf("slot %s of class %s", slots, class(x)[1]),
        sprintf("internal column %s", fields)
    )
}

attachedTo <- function(columns, where) {
    c(
        if (length(mcols(columns))) sprintf("mcols(%s)", where),
        if (length(metadata(columns))) sprintf("metadata(%s)", where)
    )
}

oddDims <- function(x) {
    dims <- innerParts(x, "reducedDims")
    kept <- vapply(dims, function(m) {
        is.matrix(m) && is.numeric(m) || is(m, "LinearEmbeddingMatrix")
    }, TRUE)
    classes <- vapply(dims, function(m) class(m)[1], "")
    c(
        sprintf("class %s of reducedDim %s", classes, names(dims))[!kept],
        unlist(Map(function(m, name) {
            aliens(dimRecord(m, rownames(x)), paste("reducedDim", name))
        }, dims[kept], names(dims)[kept]))
    )
}

oddPairs <- function(x) {
    odd <- lapply(c("col", "row"), function(side) {
        pairs <- pairsOf(x, side)
        left <- setdiff(names(pairs), names(simplePairs(pairs)))
        sprintf("%sPair %s (repeated edges or columns of objects)", side, left)
    })
    unlist(odd)
}

oddImages <- function(x) {
    if (is(x, "SpatialExperiment") && length(imgData(x)$data)) {
        known <- c("sample_id", "image_id", "data", "scaleFactor")
        keys <- imageKeys(imageTable(x))
        c(
            sprintf("column %s of imgData", setdiff(names(imgData(x)), known)),
            sprintf("repeated image %s", keys[duplicated(keys)])
        )
    }
}

takenNames <- function(x) {
    names <- colnames(colData(x))
    if (is(x, "SingleCellExperiment")) {
        names <- c(names, reducedDimNames(x), altExpNames(x))
    }
    names
}
