# For a Python that hosts R (rpy2): reticulate, in that R, is at home in the
# same process, so the mapping table of this package serves that direction too.
# Python objects change hands by a key (histobridge.interop.desk).

# A refusal comes back as its text, for Python to raise as its own.
answered <- function(value) {
    tryCatch(
        list(value = value),
        error = function(e) list(refused = conditionMessage(e))
    )
}

fromDesk <- function(key) bridge()$take(key)

toDesk <- function(value) py_to_r(bridge()$leave(value))

objectFromPython <- function(key, class, assay.type, strict) {
    answered({
        adata <- fromDesk(key)
        if (class == "Seurat") {
            asSeurat(adata, strict = strict, assay.type = assay.type)
        } else {
            asExperiment(adata, class, strict, assay.type)
        }
    })
}

objectToPython <- function(x, assay.type, strict) {
    answered(toDesk(asNested(x, strict, assay.type)))
}

isObject <- function(x) {
    answered(is(x, "SummarizedExperiment") || is(x, "Seurat"))
}

sameNames <- function(x, y) {
    answered(identical(partOf(x, "names"), partOf(y, "names")))
}

hasFunction <- function(package, name) {
    answered(requireNamespace(package, quietly = TRUE) &&
        name %in% getNamespaceExports(package))
}

# By name, because Seurat keeps the text of the call in the object.
callByName <- function(name, x, arguments) {
    symbols <- sprintf("argument%d", seq_along(arguments))
    here <- list2env(
        c(list(x = x), stats::setNames(arguments, symbols)),
        parent = globalenv()
    )
    further <- stats::setNames(lapply(symbols, as.name), names(arguments))
    eval(as.call(c(str2lang(name), quote(x), further)), here)
}

valueFromPython <- function(key) answered(fromValue(fromDesk(key)))

# No key for what is of a class that Python has no form for.
valueToPython <- function(x, strict) {
    answered({
        if (is.data.frame(x) || is(x, "DFrame")) {
            x <- carriedFrame(x, strict)
        }
        alien <- valueKind(x) %in% c(NA, "ranges")
        if (alien) character() else keyOf(x, strict)
    })
}

keyOf <- function(x, strict) {
    others <- aliens(x, "result")
    if (strict && length(others)) {
        fail(
            "values that Python has a form for", toString(others),
            fix = "strict = FALSE leaves them out"
        )
    }
    toDesk(toValue(x))
}

carriedFrame <- function(x, strict) {
    odd <- setdiff(names(x), names(carried(x, FALSE)))
    if (strict && length(odd)) {
        fail(
            "columns that pandas can hold", paste("column", quoted(odd)),
            fix = "strict = FALSE leaves them out"
        )
    }
    kept <- x[setdiff(names(x), odd)]
    if (is.data.frame(x)) {
        kept <- as.data.frame(kept)
        attributes(kept) <- attributes(kept)[c("names", "row.names", "class")]
        return(kept)
    }
    # A table has no place for notes on the fit, such as those of scran.
    asDataFrame(as.list(kept), rownames(kept), nrow(kept))
}
