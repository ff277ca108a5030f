#' Tissue and spots with known truth
#'
#' Read nothing but their arguments; write nothing. \code{simulateTissue()}
#' paints sections with an H&E-like image and counts that share with it as much
#' as is asked for; \code{simulateReference()} gives single cells of the same
#' types; \code{simulateSpots()} mixes one half of the cells of any reference
#' into spots, in nine patterns of composition, and returns the other half.
#'
#' @param nSections,spotsPerSide sections, each a square grid of spots.
#' @param nGenes,nTypes,nDomains numbers of genes, cell types and domains.
#' @param shared,exclusive from 0 to 1: how much of expression the image
#'     shares, and how much else the image holds.
#' @param nCellsPerType cells of each type.
#' @param reference a SingleCellExperiment or Seurat object with raw counts.
#' @param pattern \code{"uniform_distinct"}, \code{"diverse_distinct"},
#'     \code{"uniform_overlap"}, \code{"diverse_overlap"}, \code{"dominant"},
#'     \code{"partially_dominant"}, \code{"dominant_rare"},
#'     \code{"regional_rare"} or \code{"missing_types"}, as in synthspot.
#' @param labels column of cell types.
#' @param nRegions,spotsPerRegion compact regions of the square lattice.
#' @param cellsPerSpot fewest and most cells of a spot.
#' @param depth mean and standard deviation of the counts that a spot keeps;
#'     \code{NULL} keeps all.
#' @param seed seed of everything.
#' @param ... further arguments of the core, in camelCase: \code{pitchMicrons},
#'     \code{spotMicrons}, \code{micronsPerPixel}, \code{depth}, \code{depthCv},
#'     \code{platformSd} and, of tissue, \code{oneSectionPerPatient}.
#' @return \code{simulateTissue()} a SpatialExperiment with the truth beside
#'     the counts: columns \code{domain}, \code{image_domain} and
#'     \code{n_cells}, altExps \code{"true_proportions"} and
#'     \code{"image_proportions"}, assay \code{rate} without noise, and
#'     \code{marker_of} of every gene. \code{simulateReference()} a
#'     SingleCellExperiment with column \code{cell_type}.
#'     \code{simulateSpots()} a list: \code{spots}, a SpatialExperiment in
#'     microns with column \code{region} and altExp \code{"true_proportions"},
#'     and \code{rest}, the cells that were not mixed.
#' @references Sang-aram et al. (2024). Spotless. eLife 12:88431.
#' @seealso \code{\link{pseudoSpots}} for spots of cells whose places are known.
#' @examplesIf pythonReady()
#' simulateTissue(1, spotsPerSide = 6, nGenes = 20)
#' made <- simulateSpots(
#'     exampleReference(), "dominant", spotsPerRegion = 10
#' )
#' altExp(made$spots, "true_proportions")
#' simulateReference(nCellsPerType = 5, nGenes = 20)
#' @name simulators
NULL

#' @rdname simulators
#' @export
simulateTissue <- function(
        nSections = 2, spotsPerSide = 16, nGenes = 200, nTypes = 5,
        nDomains = 4, shared = 1, exclusive = 0, seed = 0L, ...) {
    simulated(callPython(
        core()$data$simulate_tissue, nSections,
        spotsPerSide = spotsPerSide, nGenes = nGenes, nTypes = nTypes,
        nDomains = nDomains, shared = shared, exclusive = exclusive,
        seed = seed, ...
    ))
}

#' @rdname simulators
#' @export
simulateReference <- function(
        nCellsPerType = 60, nGenes = 200, nTypes = 5, seed = 0L, ...) {
    simulated(callPython(
        core()$data$simulate_reference, nCellsPerType,
        nGenes = nGenes, nTypes = nTypes, seed = seed, ...
    ))
}

#' @rdname simulators
#' @export
setMethod("simulateSpots", "ANY", function(
        reference, pattern = "diverse_overlap", labels = "cell_type",
        nRegions = 5, spotsPerRegion = 60, cellsPerSpot = c(2, 10),
        depth = c(20000, 5000), seed = 0L, ...) {
    made <- callPython(
        core()$data$simulate_spots, handOver(reference),
        pattern = pattern, labels = labels, nRegions = nRegions,
        spotsPerRegion = spotsPerRegion, cellsPerSpot = cellsPerSpot,
        depth = orNone(depth), seed = seed, ...
    )
    list(
        spots = simulated(py_get_item(made, 0L)),
        rest = simulated(py_get_item(made, 1L), strict = FALSE)
    )
})

#' Sum cells into spots whose composition is known
#'
#' Reads counts, \code{spatialCoords}, sections, \code{\link{micronsPerPixel}}
#' and the labels of cells; writes nothing. A cell belongs to the spot of
#' nearest centre, if its own centre lies within the diameter.
#'
#' @param x cells: a SpatialExperiment or Seurat object with coordinates.
#' @param pitchMicrons,diameterMicrons distance of neighbouring centres, and
#'     diameter of a spot; \code{diameterMicrons = NULL}: the spots tile the
#'     tissue and no cell is left over.
#' @param lattice \code{"hexagonal"} or \code{"square"}.
#' @param labels column of cell types; \code{NULL} for no proportions.
#' @param micronsPerPixel for sections that do not state it.
#' @param leastCells spots of fewer cells are left out.
#' @param ... passed to methods.
#' @return A list: \code{spots}, a SpatialExperiment of summed counts with
#'     column \code{n_cells}, the altExp \code{"true_proportions"} and the
#'     images of \code{x}; \code{spotOf}, the spot of every cell, missing
#'     between spots.
#' @seealso \code{\link{simulateSpots}}, \code{\link{benchmarkResolution}}
#' @examplesIf pythonReady()
#' cells <- exampleReference()[, 1:200]
#' places <- cbind(x = runif(200, 0, 500), y = runif(200, 0, 500))
#' cells <- SpatialExperiment(
#'     list(counts = counts(cells)),
#'     colData = colData(cells), spatialCoords = places
#' )
#' pseudoSpots(cells, micronsPerPixel = 1)$spots
#' @name pseudoSpots
NULL

#' @rdname pseudoSpots
#' @export
setMethod("pseudoSpots", "ANY", function(
        x, pitchMicrons = 100, diameterMicrons = 55, lattice = "hexagonal",
        labels = "cell_type", micronsPerPixel = NULL, leastCells = 1) {
    made <- callPython(
        core()$data$pseudo_spots, handOver(x),
        pitchMicrons = pitchMicrons, diameterMicrons = orNone(diameterMicrons),
        lattice = lattice, labels = orNone(labels),
        micronsPerPixel = micronsPerPixel, leastCells = leastCells
    )
    spotOf <- fromColumn(py_get_item(made, 1L))
    list(
        spots = simulated(py_get_item(made, 0L), strict = FALSE),
        spotOf = stats::setNames(as.character(spotOf), colnames(x))
    )
})

# The counts of an AnnData have no name, and verbs read an assay "counts".
simulated <- function(adata, strict = TRUE) {
    asExperiment(adata, strict = strict, assay.type = "counts")
}

# NULL that is meant, where callPython takes it for the default.
orNone <- function(value) if (is.null(value)) r_to_py(NULL) else value
