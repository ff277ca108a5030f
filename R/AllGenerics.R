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

#' @rdname runIntegration
#' @export
setGeneric("runIntegration", function(x, ...) standardGeneric("runIntegration"))

#' @rdname findDomains
#' @export
setGeneric("findDomains", function(x, ...) standardGeneric("findDomains"))

#' @rdname findDomainGenes
#' @export
setGeneric(
    "findDomainGenes",
    function(x, ...) standardGeneric("findDomainGenes")
)

#' @rdname checkRegistration
#' @export
setGeneric(
    "checkRegistration",
    function(x, ...) standardGeneric("checkRegistration")
)

#' @rdname countNuclei
#' @export
setGeneric("countNuclei", function(x, ...) standardGeneric("countNuclei"))

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

#' @rdname testSpatialDE
#' @export
setGeneric("testSpatialDE", function(x, ...) standardGeneric("testSpatialDE"))

#' @rdname enhanceResolution
#' @export
setGeneric(
    "enhanceResolution",
    function(x, ...) standardGeneric("enhanceResolution")
)

#' @rdname benchmarks
#' @export
setGeneric(
    "benchmarkResolution",
    function(x, ...) standardGeneric("benchmarkResolution")
)

#' @rdname alignSections
#' @export
setGeneric("alignSections", function(x, ...) standardGeneric("alignSections"))

#' @rdname harmonizeSections
#' @export
setGeneric(
    "harmonizeSections",
    function(x, ...) standardGeneric("harmonizeSections")
)

#' @rdname holdOut
#' @export
setGeneric("holdOut", function(x, ...) standardGeneric("holdOut"))

#' @rdname spatialFolds
#' @export
setGeneric("spatialFolds", function(x, ...) standardGeneric("spatialFolds"))

#' @rdname auditSplit
#' @export
setGeneric("auditSplit", function(x, ...) standardGeneric("auditSplit"))

#' @rdname imageValue
#' @export
setGeneric("imageValue", function(x, ...) standardGeneric("imageValue"))

#' @rdname denoise
#' @export
setGeneric("denoise", function(x, ...) standardGeneric("denoise"))

#' @rdname traceGradient
#' @export
setGeneric("traceGradient", function(x, ...) standardGeneric("traceGradient"))

#' @rdname plotSpots
#' @export
setGeneric("plotSpots", function(x, ...) standardGeneric("plotSpots"))

#' @rdname plotDomains
#' @export
setGeneric("plotDomains", function(x, ...) standardGeneric("plotDomains"))

#' @rdname plotExpressionPair
#' @export
setGeneric(
    "plotExpressionPair",
    function(x, ...) standardGeneric("plotExpressionPair")
)

#' @rdname plotProportions
#' @export
setGeneric(
    "plotProportions",
    function(x, ...) standardGeneric("plotProportions")
)

#' @rdname plotSections
#' @export
setGeneric("plotSections", function(x, ...) standardGeneric("plotSections"))

#' @rdname plotBenchmark
#' @export
setGeneric("plotBenchmark", function(x, ...) standardGeneric("plotBenchmark"))

#' @rdname plotLeakage
#' @export
setGeneric("plotLeakage", function(x, ...) standardGeneric("plotLeakage"))

#' @rdname viewSection
#' @export
setGeneric("viewSection", function(x, ...) standardGeneric("viewSection"))

#' @rdname simulators
#' @export
setGeneric(
    "simulateSpots",
    function(reference, ...) standardGeneric("simulateSpots")
)

#' @rdname pseudoSpots
#' @export
setGeneric("pseudoSpots", function(x, ...) standardGeneric("pseudoSpots"))

#' @rdname explainTranslation
#' @export
setGeneric(
    "explainTranslation",
    function(model, x, ...) standardGeneric("explainTranslation")
)

#' @rdname plotSaliency
#' @export
setGeneric("plotSaliency", function(x, ...) standardGeneric("plotSaliency"))

#' @rdname stainVirtually
#' @export
setGeneric("stainVirtually", function(x, ...) standardGeneric("stainVirtually"))

#' @rdname crossCheck
#' @export
setGeneric("crossCheck", function(x, ...) standardGeneric("crossCheck"))
