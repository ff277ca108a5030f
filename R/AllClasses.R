#' A trained translation model
#'
#' Reads nothing; holds the Python model that \code{\link{trainTranslation}}
#' has fitted, and what is known about it. A model does not survive
#' \code{saveRDS()}; use \code{\link{saveModel}}.
#'
#' @slot python reference to the Python model.
#' @slot genes genes the model predicts.
#' @slot settings list of settings it was trained with.
#' @param object,x a \code{TranslationModel}.
#' @return \code{modelGenes()} a character vector; \code{modelSettings()} a
#'     list; \code{modelReliability()} a data frame with a row per gene: the
#'     Pearson correlation to expect on sections like those of training, from
#'     inner folds, and the half width of an interval that holds 90 per cent of
#'     measurements; \code{show()} prints and returns nothing.
#' @examples
#' model <- new("TranslationModel",
#'     genes = c("Th", "Penk"),
#'     settings = list(expected_pearson = c(0.7, 0.2), half_width = c(0.5, 0.9))
#' )
#' model
#' modelGenes(model)
#' modelReliability(model)
#' names(modelSettings(model))
#' @aliases TranslationModel
#' @export
setClass("TranslationModel", slots = c(
    python = "ANY", genes = "character", settings = "list"
))

#' Scores of systems beside image-blind baselines
#'
#' Reads nothing; holds what a benchmark has returned: one row per system,
#' protocol and metric, and the audit of the splits for leakage.
#'
#' @slot table data frame of scores.
#' @slot headline data frame, the main metrics with a row per protocol and
#'     system.
#' @slot audit data frame, one row per split.
#' @slot runs data frame, one row per job and metric with what it cost: seconds,
#'     memory and energy, and which of these are measured or estimated.
#' @slot settings list.
#' @slot python reference to the Python benchmark, for reports.
#' @param object,x a \code{Benchmark}.
#' @param row.names,optional as in \code{\link[base]{as.data.frame}}.
#' @param what the whole \code{"table"} of scores, the \code{"headline"} that
#'     \code{show()} prints, the \code{"audit"} of splits, or the
#'     \code{"runs"} with their costs.
#' @param ... not used.
#' @return \code{as.data.frame()} a data frame; \code{summary()} one row per
#'     system and metric, with the mean over sections and patients and its 95 \%
#'     interval (patients are resampled where there are three, else spatial
#'     blocks); \code{show()} prints and returns nothing.
#' @examples
#' scores <- data.frame(system = "ridge_plus", metric = "pearson", value = 0.4)
#' b <- new("Benchmark", table = scores, headline = scores)
#' show(b)
#' as.data.frame(b)
#' summary(new("Benchmark", table = data.frame(
#'     dataset = "bulb", protocol = "patients", system = "ridge_plus",
#'     status = "house", fold = "all", metric = "pearson_gene",
#'     value = 0.5, lower = 0.4, upper = 0.6, n = 501L
#' )))
#' @aliases Benchmark
#' @export
setClass("Benchmark", slots = c(
    table = "data.frame", headline = "data.frame", audit = "data.frame",
    runs = "data.frame", settings = "list", python = "ANY"
))

#' Splits of the spots of an object
#'
#' Reads nothing; holds which spots every split tests, which it leaves out on
#' both sides, and what it leaks. All other spots are trained on. Made by
#' \code{\link{spatialFolds}}; survives \code{saveRDS()}.
#'
#' @slot spots names of all spots.
#' @slot splits names of the splits.
#' @slot members data frame with \code{split} and \code{spot} (positions) and
#'     \code{role}, \code{"test"} or \code{"dropped"}.
#' @slot audit data frame, one row per split.
#' @slot settings list of what the folds were made with.
#' @param x,object a \code{SpatialFolds}.
#' @param split name or number of a split.
#' @param row.names,optional as in \code{\link[base]{as.data.frame}}.
#' @param what the \code{"audit"} of the splits, or the \code{"members"}.
#' @param ... not used.
#' @return \code{length()} the number of splits and \code{names()} their names;
#'     \code{trainSpots()} and \code{testSpots()} names of spots;
#'     \code{as.data.frame()} a data frame; \code{show()} prints and returns
#'     nothing.
#' @examples
#' folds <- new("SpatialFolds",
#'     spots = c("a", "b", "c"), splits = "one",
#'     members = data.frame(split = 1L, spot = 2:3, role = c("test", "dropped"))
#' )
#' trainSpots(folds, 1)
#' testSpots(folds, "one")
#' length(folds)
#' names(folds)
#' @aliases SpatialFolds
#' @export
setClass("SpatialFolds", slots = c(
    spots = "character", splits = "character", members = "data.frame",
    audit = "data.frame", settings = "list"
))

#' Held-out predictions of one system
#'
#' Reads nothing; holds what \code{\link{holdOut}} has returned, for
#' \code{\link{writeReport}} and for tables.
#'
#' @slot tables list of data frames.
#' @slot python reference to the Python object, for reports.
#' @param object,x a \code{HeldOut}.
#' @param row.names,optional as in \code{\link[base]{as.data.frame}}.
#' @param what scores by \code{"genes"} (within a section), errors and distance
#'     to training by \code{"spots"}, the \code{"maps"} of the best, median and
#'     worst gene, or the leak \code{"audit"} of every fold.
#' @param ... not used.
#' @return \code{as.data.frame()} a data frame; \code{show()} prints and
#'     returns nothing.
#' @examples
#' genes <- data.frame(gene = "Th", pearson = 0.4)
#' audit <- data.frame(flag = "a", status = "clean")
#' new("HeldOut", tables = list(genes = genes, audit = audit))
#' @aliases HeldOut
#' @export
setClass("HeldOut", slots = c(tables = "list", python = "ANY"))

#' An explanation of a prediction, with its tests
#'
#' Reads nothing; holds what \code{\link{explainTranslation}} has returned: a
#' map for every method and spot, and whether the maps passed. Survives
#' \code{saveRDS()}.
#'
#' @slot maps list with an array (spots x rows x columns) per method; larger is
#'     evidence for more of the target.
#' @slot patches integer array (spots x rows x columns x 3), 0 to 255.
#' @slot tables list of data frames.
#' @slot settings list of what was explained and how.
#' @param object,x an \code{Explanation}.
#' @param method name of a method.
#' @param row.names,optional as in \code{\link[base]{as.data.frame}}.
#' @param what the \code{"tests"} of every method, the \code{"verdict"}, the
#'     \code{"spots"} with their predictions, the \code{"curves"} of deletion,
#'     insertion and ROAD, or the \code{"contributions"} of features of models
#'     with a linear part.
#' @param ... not used.
#' @return \code{saliencyMaps()} an array (spots x rows x columns);
#'     \code{as.data.frame()} a data frame; \code{show()} prints and returns
#'     nothing.
#' @examples
#' verdict <- data.frame(
#'     method = "occlusion", passes = FALSE, beats_edges = FALSE,
#'     reason = "constant map"
#' )
#' maps <- list(occlusion = array(1, c(1, 2, 2)))
#' found <- new("Explanation",
#'     maps = maps, tables = list(verdict = verdict),
#'     settings = list(target = "Penk")
#' )
#' found
#' dim(saliencyMaps(found, "occlusion"))
#' @aliases Explanation
#' @export
setClass("Explanation", slots = c(
    maps = "list", patches = "array", tables = "list", settings = "list"
))
