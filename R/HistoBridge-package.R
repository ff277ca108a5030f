#' HistoBridge: morphology-aware spatial transcriptomics
#'
#' Translates histology into gene expression, finds tissue domains and
#' estimates cell type proportions on the user's own SpatialExperiment,
#' SingleCellExperiment or Seurat object. Models run in Python; every verb
#' hands over what it reads, and writes what it made onto the same object.
#' Start with \code{\link{addMorphology}}, \code{\link{trainTranslation}},
#' \code{\link{findDomains}} and \code{\link{deconvolve}}.
#'
#' @return Nothing; this page describes the package.
#' @keywords internal
#' @import methods
#' @importFrom BiocGenerics as.data.frame
#' @importFrom grDevices as.raster col2rgb hcl.colors
#' @importClassesFrom Matrix dgCMatrix
#' @importFrom reticulate py_get_item py_to_r r_to_py
#' @importMethodsFrom S4Vectors summary
#' @importFrom S4Vectors DataFrame mcols "mcols<-" metadata "metadata<-"
#' @importFrom SingleCellExperiment "altExp<-" altExps altExpNames colPairNames
#'     "reducedDim<-" reducedDims reducedDimNames rowPairNames
#'     SingleCellExperiment
#' @importFrom SpatialExperiment imgData "imgData<-" imgRaster imgSource
#'     spatialCoords "spatialCoords<-" SpatialExperiment SpatialImage
#' @importFrom SummarizedExperiment assay "assay<-" assayNames assays colData
#'     rowData SummarizedExperiment
#' @importFrom utils head read.csv read.delim
"_PACKAGE"
