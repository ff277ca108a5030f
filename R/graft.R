#' Write results onto the untouched object
#'
#' Reads the keys that a Python verb has added to an AnnData and writes their
#' values to the places that the mapping table of \code{\link{asAnnData}}
#' names; everything else in \code{x} stays as it was.
#'
#' @param x the object that was handed over.
#' @param adata the AnnData, after the verb.
#' @param before the keys it had before, from \code{keysOf(adata)}.
#' @param name name of the results; what was written is recorded under it.
#' @return \code{x} with the results added.
#' @noRd
graft <- function(x, adata, before, name) {
    after <- keysOf(adata)
    spots <- partOf(x, "names")$spots
    written <- character()
    settings <- list()
    for (key in setdiff(after$uns, before$uns)) {
        settings[[key]] <- py_to_r(bridge()$read(adata, "uns", key))
    }
    for (part in c("obs", "obsm", "layers")) {
        for (key in setdiff(after[[part]], before[[part]])) {
            made <- readResult(adata, part, key, spots, settings[[key]]$columns)
            x <- place(x, made$slot, key, made$value)
            written <- c(written, paste(made$slot, key))
        }
    }
    for (key in setdiff(after$images, before$images)) {
        x <- place(x, "imgData", key, readPicture(adata, key))
        written <- c(written, if (holdsPicture(x, key)) paste("imgData", key))
    }
    beside <- setdiff(names(settings), name)
    settings[[name]]$written <- c(written, sprintf("settings %s", beside))
    for (key in names(settings)) {
        x <- place(x, "settings", key, settings[[key]])
    }
    x
}

readPicture <- function(adata, key) {
    found <- pyItems(bridge()$picture(adata, key))
    list(
        sample_id = py_to_r(found$section),
        image_id = py_to_r(found$image_id),
        image = fromImage(found$image), scale = py_to_r(found$scale)
    )
}

# A key is the section and the name of the picture.
holdsPicture <- function(x, key) {
    images <- partOf(x, "imgData")
    key %in% paste(images$sample_id, images$image_id)
}

readResult <- function(adata, part, key, spots, columns) {
    value <- bridge()$read(adata, part, key)
    if (part == "obs") {
        return(list(slot = results[["obs"]], value = fromColumn(value)))
    }
    parts <- lapply(pyItems(bridge()$matrix_parts(value)), py_to_r)
    if (part == "layers") {
        parts$kind <- if (parts$kind == "array") "frame" else parts$kind
        return(list(
            slot = results[["layers"]], value = fromMatrix(parts, spots)
        ))
    }
    names <- if (parts$kind == "frame") parts$columns else columns
    list(
        slot = results[[parts$kind]],
        value = fromMatrix(parts, spots, as.character(unlist(names)))
    )
}

keysOf <- function(adata) {
    lapply(pyItems(bridge()$keys_of(adata)), function(keys) {
        as.character(unlist(py_to_r(keys)))
    })
}

# Results of an earlier call under the same name make way for new ones; what
# HistoBridge did not write is never replaced.
forget <- function(x, name) {
    record <- partOf(x, "settings")[[name]]
    for (entry in record$written) {
        x <- place(x, sub(" .*", "", entry), sub("^[^ ]* ", "", entry), NULL)
    }
    if (name %in% partOf(x, "taken")) {
        fail(
            "a name for the results that is not in use",
            paste(dQuote(name, FALSE), "that HistoBridge did not write"),
            fix = "choose another name ="
        )
    }
    if (is.null(record)) x else place(x, "settings", name, NULL)
}

# Hand over, compute, graft: the way of every verb that returns `x`.
runVerb <- function(x, verb, name, ..., parts = verbParts) {
    checkHost(x)
    x <- forget(x, name)
    adata <- asAnnData(x, parts = parts, strict = FALSE)
    before <- keysOf(adata)
    callPython(core()[[verb]], adata, ..., keyAdded = name)
    graft(x, adata, before, name)
}

# For verbs that can do without counts.
presentParts <- function(x) {
    absent <- if (!"counts" %in% partOf(x, "available")) "counts"
    setdiff(verbParts, absent)
}

checkHost <- function(x) {
    if (is(x, "SummarizedExperiment") && !is(x, "SingleCellExperiment")) {
        fail(
            "a SpatialExperiment or SingleCellExperiment, which hold results",
            paste("class", class(x)[1]),
            fix = "as(x, \"SingleCellExperiment\")"
        )
    }
}
