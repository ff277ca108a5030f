#' @rdname asAnnData
#' @export
setGeneric("asAnnData", function(x, ...) standardGeneric("asAnnData"))

#' @rdname micronsPerPixel
#' @export
setGeneric("micronsPerPixel", function(x) standardGeneric("micronsPerPixel"))

#' @rdname micronsPerPixel
#' @export
setGeneric(
    "micronsPerPixel<-",
    function(x, value) standardGeneric("micronsPerPixel<-")
)

#' @rdname addMorphology
#' @export
setGeneric("addMorphology", function(x, ...) standardGeneric("addMorphology"))

#' @rdname trainTranslation
#' @export
setGeneric(
    "trainTranslation",
    function(x, ...) standardGeneric("trainTranslation")
)

#' @rdname predictExpression
#' @export
setGeneric(
    "predictExpression",
    function(x, ...) standardGeneric("predictExpression")
)

#' @rdname findDomains
#' @export
setGeneric("findDomains", function(x, ...) standardGeneric("findDomains"))

#' @rdname deconvolve
#' @export
setGeneric("deconvolve", function(x, ...) standardGeneric("deconvolve"))

#' @rdname benchmarks
#' @export
setGeneric(
    "benchmarkTranslation",
    function(x, ...) standardGeneric("benchmarkTranslation")
)

#' @rdname benchmarks
#' @export
setGeneric(
    "benchmarkDomains",
    function(x, ...) standardGeneric("benchmarkDomains")
)

#' @rdname benchmarks
#' @export
setGeneric(
    "benchmarkDeconvolution",
    function(x, ...) standardGeneric("benchmarkDeconvolution")
)
