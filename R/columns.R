# One R vector <-> one pandas column. Values and missingness travel apart,
# because reticulate turns NA into a number or a text.

columnKind <- function(v) {
    if (is(v, "Rle")) v <- as.vector(v)
    # A level that is missing has no category.
    if (is.factor(v)) return(if (anyNA(levels(v))) NA_character_ else "factor")
    if (inherits(v, c("Date", "POSIXt"))) {
        # The latest of no dates is -Inf, which is no moment.
        if (any(is.infinite(unclass(as.POSIXct(v))))) return(NA_character_)
        return(if (inherits(v, "Date")) "date" else "time")
    }
    if (is.object(v) && !inherits(v, "AsIs")) return(NA_character_)
    if (!is.null(dim(v))) return(NA_character_)
    switch(typeof(v),
        logical = "logical",
        integer = "integer",
        double = "double",
        character = "character",
        NA_character_
    )
}

plainVector <- function(v) {
    if (is(v, "Rle")) {
        v <- as.vector(v)
    }
    if (inherits(v, "POSIXlt")) as.POSIXct(v) else v
}

toColumn <- function(v, name) {
    v <- plainVector(v)
    kind <- columnKind(v)
    if (is.na(kind)) {
        fail(
            paste("a vector or factor in column", dQuote(name, FALSE)),
            paste("class", class(v)[1]),
            fix = "remove the column or use strict = FALSE"
        )
    }
    gone <- is.na(v)
    arguments <- list(kind, columnValues(v, kind, gone), vector1d(gone))
    if (kind == "factor") {
        arguments$levels <- texts(levels(v))
        arguments$ordered <- is.ordered(v)
    }
    if (kind == "time") {
        zone <- attr(v, "tzone")[1]
        arguments$zone <- if (length(zone) && nzchar(zone)) zone else "UTC"
    }
    do.call(bridge()$column, arguments)
}

columnValues <- function(v, kind, gone) {
    if (kind == "character") {
        v <- as.vector(v)
        v[gone] <- ""
        return(texts(v))
    }
    bare <- if (kind == "factor") as.integer(v) else as.vector(unclass(v))
    if (kind %in% c("date", "time")) {
        bare <- as.double(bare)
    }
    vector1d(bare)
}

# A dimension keeps reticulate from making a number or a list of it.
vector1d <- function(v) reticulate::np_array(as.vector(v))

texts <- function(v) r_to_py(as.list(enc2utf8(as.character(v))))

toFrame <- function(columns, index) {
    values <- Map(toColumn, as.list(columns), names(columns))
    bridge()$frame(texts(names(columns)), r_to_py(unname(values)), texts(index))
}

fromColumn <- function(series) {
    parts <- lapply(pyItems(bridge()$column_parts(series)), py_to_r)
    gone <- as.vector(parts$missing)
    values <- as.vector(parts$values)
    v <- switch(parts$kind,
        factor = factorFrom(values, parts),
        logical = as.logical(values),
        integer = as.integer(values),
        double = as.double(values),
        character = as.character(unlist(values)),
        date = as.Date(as.double(values), origin = "1970-01-01"),
        time = as.POSIXct(as.double(values),
            origin = "1970-01-01",
            tz = parts$zone
        )
    )
    v[gone] <- NA
    v
}

factorFrom <- function(values, parts) {
    levels <- as.character(unlist(parts$levels))
    values[values == 0] <- NA
    factor(levels[values], levels, ordered = parts$ordered)
}

fromFrame <- function(frame) {
    labels <- unlist(py_to_r(bridge()$names(frame)))
    columns <- lapply(seq_along(labels) - 1L, function(i) {
        fromColumn(bridge()$nth(frame, i))
    })
    names(columns) <- labels
    as.data.frame(columns, check.names = FALSE, optional = TRUE)
}

# A named R list of Python objects, not converted.
pyItems <- function(dict) {
    keys <- unlist(py_to_r(bridge()$names(dict)))
    values <- lapply(keys, function(key) dict[[key]])
    names(values) <- keys
    values
}
