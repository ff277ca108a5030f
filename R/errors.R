# Every refusal has one shape, the same as in the Python core.
fail <- function(expected, found, available = NULL, fix = NULL) {
    text <- paste0("expected ", expected, "; found ", found)
    if (length(available)) {
        text <- paste0(text, "; available: ", toString(available, width = 300))
    }
    if (length(fix)) {
        text <- paste0(text, "; to fix: ", fix)
    }
    stop(text, call. = FALSE)
}

quoted <- function(names) toString(dQuote(names, FALSE), width = 200)
