# Nested values, such as metadata, <-> entries of uns. What Python has no type
# for is a dict whose "r_class" says how to put it together again.

toValue <- function(v) {
    switch(valueKind(v),
        null = r_to_py(NULL),
        frame = tagged(
            class(v)[1],
            frame = toFrame(as.list(v), rowLabels(v)),
            automatic = is.null(rowLabels(v, NULL)),
            whole = is.integer(attr(v, "row.names"))
        ),
        sparse = sparseValue(v),
        array = arrayValue(v),
        list = listValue(v),
        ranges = tagged("ranges", value = toValue(fromRanges(v))),
        vector = vectorValue(v)
    )
}

valueKind <- function(v) {
    if (is.null(v)) return("null")
    if (identical(class(v), "data.frame") || is(v, "DFrame")) {
        known <- !anyNA(vapply(as.list(v), columnKind, ""))
        return(if (known && isPlainFrame(v)) "frame" else NA_character_)
    }
    if (is(v, "sparseMatrix")) return("sparse")
    if (is(v, "GRanges") || is(v, "GRangesList")) return("ranges")
    if (is.array(v) && (is.numeric(v) || is.logical(v)) && !is.object(v)) {
        return(if (onlyAttributes(v, c("dim", "dimnames"))) "array" else NA)
    }
    if (is.list(v) && onlyAttributes(v, "names")) return("list")
    known <- c("names", "class", "levels", "tzone")
    whole <- !is.na(columnKind(v)) && !inherits(v, c("AsIs", "POSIXlt"))
    if (whole && onlyAttributes(v, known)) "vector" else NA_character_
}

# Without notes beside its columns, such as those of scran's tables.
isPlainFrame <- function(v) {
    if (is.data.frame(v)) {
        onlyAttributes(v, c("names", "class", "row.names"))
    } else {
        !length(attachedTo(v, ""))
    }
}

onlyAttributes <- function(v, known) {
    !length(setdiff(names(attributes(v)), known))
}

# Paths of what has no form in Python, inside a value called `where`.
aliens <- function(v, where) {
    kind <- valueKind(v)
    if (is.na(kind)) {
        return(sprintf("%s (class %s)", where, class(v)[1]))
    }
    if (kind != "list" || !length(v)) {
        return(NULL)
    }
    keys <- nameOf(v)
    keys[!nzchar(keys)] <- sprintf("[[%d]]", seq_along(v))[!nzchar(keys)]
    unlist(Map(aliens, v, paste0(where, "$", keys)), use.names = FALSE)
}

tagged <- function(class, ...) pyDict(list(r_class = class, ...))

rowLabels <- function(v, automatic = as.character(seq_len(nrow(v)))) {
    labels <- if (is.data.frame(v)) attr(v, "row.names") else rownames(v)
    # Rows that were cut or sorted keep their numbers.
    numbered <- is.integer(labels) && !identical(labels, seq_len(nrow(v)))
    if (is.character(labels) || numbered) as.character(labels) else automatic
}

# Python gets a plain dict only where every entry has a name of its own.
listValue <- function(v) {
    v <- v[!is.na(vapply(v, valueKind, ""))]
    keys <- names(v)
    plain <- !is.null(keys) && all(nzchar(keys)) && !anyDuplicated(keys) &&
        !any(grepl("/", keys, fixed = TRUE)) && !"r_class" %in% keys
    if (plain) {
        return(pyDict(lapply(v, toValue)))
    }
    entries <- lapply(unname(v), toValue)
    tagged("list",
        entries = pyDict(entries, sprintf("%d", seq_along(v))),
        names = if (is.null(keys)) FALSE else texts(keys)
    )
}

vectorValue <- function(v) {
    simple <- length(v) == 1 && !is.object(v) && !anyNA(v)
    bare <- if (is.null(names(v))) v else unname(v)
    zoneless <- inherits(v, "POSIXct") && is.null(attr(v, "tzone"))
    value <- if (simple) r_to_py(bare) else toColumn(bare, "value")
    if (is.null(names(v)) && !zoneless) {
        return(value)
    }
    tagged("vector",
        value = value, zoneless = zoneless,
        names = if (is.null(names(v))) FALSE else texts(names(v))
    )
}

arrayValue <- function(v) {
    bare <- numbers(unname(v))
    natural <- is.double(v) || !anyNA(v)
    if (natural && is.null(dimnames(v)) && length(dim(v)) > 1) {
        return(bare)
    }
    tagged("array",
        value = bare, mode = typeof(v), dimnames = toValue(dimnames(v))
    )
}

sparseValue <- function(v) {
    tagged("sparse",
        value = toMatrix(v), stored = class(v)[1],
        dimnames = toValue(dimnames(v))
    )
}

fromValue <- function(value) {
    kind <- py_to_r(bridge()$value_kind(value))
    switch(kind,
        none = NULL,
        scalar = py_to_r(bridge()$scalar(value)),
        dict = lapply(pyItems(value), fromValue),
        tagged = untagged(value),
        list = lapply(pyEntries(value), fromValue),
        column = fromColumn(bridge()$series(value)),
        array = fromArray(value, "F"),
        sparse = fromSparse(bridge()$transposed(value)),
        frame = framed(bridge()$table(value)),
        fail("a value that R has a type for", kind)
    )
}

pyEntries <- function(value) {
    n <- py_to_r(bridge()$count(value))
    lapply(seq_len(n) - 1L, function(i) bridge()$entry(value, i))
}

framed <- function(frame) {
    columns <- fromFrame(frame)
    attr(columns, "row.names") <- indexOf(frame)
    columns
}

indexOf <- function(frame) {
    as.character(unlist(py_to_r(bridge()$labels(frame$index))))
}

untagged <- function(value) {
    get <- function(key) value[[key]]
    names <- function(key = "names") {
        found <- fromValue(get(key))
        if (!identical(found, FALSE)) as.character(unlist(found))
    }
    switch(py_to_r(get("r_class")),
        list = {
            entries <- lapply(unname(pyItems(get("entries"))), fromValue)
            stats::setNames(entries, names())
        },
        vector = {
            v <- fromValue(get("value"))
            if (isTRUE(fromValue(get("zoneless")))) attr(v, "tzone") <- NULL
            stats::setNames(v, names())
        },
        array = {
            v <- fromValue(get("value"))
            storage.mode(v) <- py_to_r(get("mode"))
            if (is.null(dim(v))) dim(v) <- length(v)
            dimnames(v) <- fromValue(get("dimnames"))
            v
        },
        sparse = {
            v <- fromSparse(get("value"))
            v <- asClass(v, py_to_r(get("stored")))
            dimnames(v) <- fromValue(get("dimnames"))
            v
        },
        ranges = toRanges(fromValue(get("value"))),
        data.frame = , DFrame = fromTaggedFrame(value)
    )
}

fromTaggedFrame <- function(value) {
    columns <- framed(value[["frame"]])
    rows <- attr(columns, "row.names")
    automatic <- isTRUE(fromValue(value[["automatic"]]))
    if (py_to_r(value[["r_class"]]) == "data.frame") {
        whole <- isTRUE(fromValue(value[["whole"]]))
        attr(columns, "row.names") <- if (automatic) seq_along(rows) else
            if (whole) as.integer(rows) else rows
        return(columns)
    }
    asDataFrame(columns, if (!automatic) rows, length(rows))
}

# DataFrame() would alter names that are not syntactic.
asDataFrame <- function(columns, rows, n = length(rows)) {
    made <- S4Vectors::make_zero_col_DFrame(n)
    made@listData <- as.list(columns)
    if (!length(columns)) {
        made@listData <- stats::setNames(list(), character())
    }
    rownames(made) <- rows
    made
}
