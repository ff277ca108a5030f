#' Split spots for training and testing
#'
#' Reads coordinates, sections and the column that \code{by} names; writes
#' nothing. The same call in Python (\code{hb.evaluation.spatial_folds}) gives
#' the same folds.
#'
#' @param x a SpatialExperiment or Seurat object.
#' @param by \code{"blocks"} (spatial blocks with a buffer), \code{"section"},
#'     \code{"patient"}, \code{"site"}, \code{"group"} (any column, given as
#'     \code{key}), \code{"spot"} (one after the other, with a buffer) or
#'     \code{"distance"} (folds as far from training as the places of
#'     prediction are, kNNDM).
#' @param seed seed of everything random.
#' @param audit whether to compute what each split leaks.
#' @param ... settings in camelCase. Blocks: \code{nSplits}, \code{blockMicrons}
#'     (microns, or \code{"auto"} for 1.5 times the variogram range),
#'     \code{bufferMicrons}, \code{patchMicrons}, \code{shape} (\code{"rect"},
#'     \code{"hex"} or \code{"kmeans"}), \code{balanceBy} (a column) and
#'     \code{residuals} (a reducedDim). Spots: \code{nTests},
#'     \code{bufferMicrons}, \code{patchMicrons}. Distances: \code{nSplits},
#'     \code{predictMicrons}.
#' @return A \code{\linkS4class{SpatialFolds}}.
#' @seealso \code{\link{auditSplit}}; \code{\link{benchmarkTranslation}} takes
#'     folds.
#' @examplesIf pythonReady()
#' x <- exampleBulb()
#' folds <- spatialFolds(x, nSplits = 3, shape = "hex", balanceBy = "layer")
#' folds
#' train <- x[, trainSpots(folds, 1)]
#' @name spatialFolds
NULL

#' @rdname spatialFolds
#' @export
setMethod("spatialFolds", "ANY", function(
        x, by = "blocks", seed = 0L, audit = TRUE, ...) {
    random <- by %in% c("blocks", "spot", "distance")
    folds <- callPython(
        core()$evaluation$spatial_folds, handOver(x),
        by = by, audit = audit, seed = if (random) seed, ...
    )
    parts <- pyItems(bridge()$fold_parts(folds))
    facts <- lapply(parts[setdiff(names(parts), "audit")], py_to_r)
    new("SpatialFolds",
        spots = as.character(unlist(facts$spots)),
        splits = as.character(unlist(facts$splits)),
        members = data.frame(
            split = as.integer(facts$split) + 1L,
            spot = as.integer(facts$spot) + 1L,
            role = as.character(unlist(facts$role))
        ),
        audit = fromFrame(parts$audit),
        settings = list(by = by, seed = seed, ...)
    )
})

#' Audit splits for leakage
#'
#' Computes the fourteen flags of the leak taxonomy on every split, whoever
#' made it, and on tables of predictions. Reads counts, coordinates, sections
#' and patients; writes nothing.
#'
#' @inheritParams spatialFolds
#' @param folds a \code{\linkS4class{SpatialFolds}}, or one label per spot
#'     (each label is tested once, \code{NA} never).
#' @param predictions one matrix per split, genes x test spots with names of
#'     both; without them the flags that need predictions stay unknown.
#' @param ... what is known of the predictions: \code{patchMicrons} or
#'     \code{patchPx}, \code{fittedOn} (list of names of spots that
#'     \code{training}, \code{validation}, \code{checkpoint},
#'     \code{normalisation} and the like have seen), \code{reported} (published
#'     score).
#' @return A data frame with one row per split and flag: \code{split},
#'     \code{flag}, \code{leak}, \code{status} (\code{"leak"},
#'     \code{"clean"} or \code{"unknown"}), \code{value}, \code{detail}.
#' @examplesIf pythonReady()
#' x <- exampleBulb("Rep4")
#' random <- rep_len(1:3, ncol(x))
#' found <- auditSplit(x, random)
#' found[found$status == "leak", c("split", "leak")]
#' @name auditSplit
NULL

#' @rdname auditSplit
#' @export
setMethod("auditSplit", "ANY", function(x, folds, predictions = NULL, ...) {
    fromFrame(callPython(
        core()$evaluation$audit, handOver(x), asSplitter(x, folds),
        predictions = asPredictions(predictions), ...
    ))
})

#' @rdname SpatialFolds-class
#' @export
trainSpots <- function(x, split) {
    x@spots[-membersOf(x, split, c("test", "dropped"))]
}

#' @rdname SpatialFolds-class
#' @export
testSpots <- function(x, split) x@spots[membersOf(x, split, "test")]

membersOf <- function(x, split, roles) {
    number <- if (is.character(split)) match(split, x@splits) else split
    if (length(number) != 1 || is.na(number) || !number %in% seq_along(x)) {
        fail("one split", toString(split), x@splits)
    }
    members <- x@members
    members$spot[members$split == number & members$role %in% roles]
}

#' @rdname SpatialFolds-class
#' @export
setMethod("length", "SpatialFolds", function(x) length(x@splits))

#' @rdname SpatialFolds-class
#' @export
setMethod("names", "SpatialFolds", function(x) x@splits)

#' @rdname SpatialFolds-class
#' @export
setMethod("as.data.frame", "SpatialFolds", function(
        x, row.names = NULL, optional = FALSE,
        what = c("audit", "members"), ...) {
    slot(x, match.arg(what))
})

#' @rdname SpatialFolds-class
#' @export
setMethod("show", "SpatialFolds", function(object) {
    cat(
        "SpatialFolds:", length(object), "splits of", length(object@spots),
        "spots", "\n"
    )
    audit <- as.data.frame(object)
    shown <- intersect(
        c("split", "n_train", "n_test", "n_dropped", "leaks"), names(audit)
    )
    if (length(shown)) {
        print(utils::head(audit[shown]), row.names = FALSE)
    }
})

# One label per spot is the form in which folds of others come.
asFolds <- function(x, folds) {
    if (is(folds, "SpatialFolds")) {
        return(folds)
    }
    spots <- partOf(x, "names")$spots
    labels <- factor(folds)
    if (length(labels) != length(spots) || nlevels(labels) < 2) {
        fail(
            paste("two folds or more, one for each of", length(spots), "spots"),
            paste(length(labels), "labels with", nlevels(labels), "levels")
        )
    }
    known <- which(!is.na(labels))
    new("SpatialFolds",
        spots = spots, splits = paste("fold", levels(labels)),
        members = data.frame(
            split = as.integer(labels)[known], spot = known,
            role = rep("test", length(known))
        )
    )
}

asSplitter <- function(x, folds) {
    if (is.null(folds)) {
        return(NULL)
    }
    folds <- asFolds(x, folds)
    members <- folds@members
    core()$evaluation$SpatialFolds$of_members(
        as.list(folds@spots), as.list(folds@splits), members$split - 1L,
        members$spot - 1L, as.list(members$role)
    )
}

asPredictions <- function(predictions) {
    if (is.null(predictions)) {
        return(NULL)
    }
    lapply(unname(predictions), function(m) {
        if (!is.matrix(m) || is.null(rownames(m)) || is.null(colnames(m))) {
            fail("matrices of genes x spots with names of both", class(m)[1])
        }
        bridge()$prediction(m, as.list(colnames(m)), as.list(rownames(m)))
    })
}
