#' Held-out predictions of one system in detail
#'
#' Reads what the system reads; writes nothing. Every spot is predicted by a
#' model that was fitted on the training spots of its fold: spatial blocks with
#' a buffer.
#'
#' @inheritParams trainTranslation
#' @param genes how many genes, chosen on training spots, or which.
#' @param seed seed of everything random.
#' @param ... parameters of the system, in camelCase.
#' @return A \code{\linkS4class{HeldOut}}.
#' @examplesIf pythonReady()
#' x <- addMorphology(exampleBulb("Rep4"), "colour", cache = FALSE)
#' held <- holdOut(x, genes = 10L)
#' head(as.data.frame(held))
#' table(as.data.frame(held, what = "audit")$status)
#' @name holdOut
NULL

#' @rdname holdOut
#' @export
setMethod("holdOut", "ANY", function(
        x, system = "ridge_plus", genes = 250L, seed = 0L, ...) {
    python <- callPython(
        core()$evaluation$hold_out, handOver(x),
        system = system, genes = asGenes(genes), seed = seed, ...
    )
    parts <- c("genes", "spots", "maps", "audit")
    tables <- lapply(parts, function(part) fromFrame(python[[part]]))
    names(tables) <- parts
    new("HeldOut", python = python, tables = tables)
})

#' @rdname HeldOut-class
#' @export
setMethod("as.data.frame", "HeldOut", function(
        x, row.names = NULL, optional = FALSE,
        what = c("genes", "spots", "maps", "audit"), ...) {
    x@tables[[match.arg(what)]]
})

#' @rdname HeldOut-class
#' @export
setMethod("show", "HeldOut", function(object) {
    genes <- as.data.frame(object)
    audit <- as.data.frame(object, what = "audit")
    cat("HeldOut predictions of", length(unique(genes$gene)), "genes\n")
    cat("Mean Pearson per gene and section:", format(
        mean(genes$pearson),
        digits = 3
    ), "\n")
    cat("Leak flags raised:", sum(audit$status == "leak"), "\n")
})
