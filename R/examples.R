#' The real sample that ships with the package
#'
#' Reads \code{inst/extdata}, whose README names sources and licences; writes
#' nothing and needs no Python. \code{exampleBulb()} holds two sections of
#' mouse olfactory bulb, one from each of two animals (Spatial
#' Transcriptomics, 200 micrometre pitch), with H&E and five layer labels.
#' \code{exampleMixture()} holds pseudo-spots of mouse visual cortex with known
#' proportions of 12 cell types, and \code{exampleReference()} single cells of
#' another section.
#'
#' @param sections names among \code{"Rep4"} (animal A, 264 spots) and
#'     \code{"Rep9"} (animal D, 237 spots).
#' @return \code{exampleBulb()} a SpatialExperiment with assay \code{counts},
#'     columns \code{sample_id}, \code{patient} and \code{layer}, an image
#'     \code{"hires"} per section and \code{\link{micronsPerPixel}};
#'     \code{exampleMixture()} a SpatialExperiment whose altExp
#'     \code{"true_proportions"} (types x spots) is the truth;
#'     \code{exampleReference()} a SingleCellExperiment with column
#'     \code{cell_type}.
#' @examples
#' x <- exampleBulb("Rep4")
#' table(x$layer)
#' altExp(exampleMixture(), "true_proportions")
#' exampleReference()
#' @name examples
NULL

#' @rdname examples
#' @export
exampleBulb <- function(sections = c("Rep4", "Rep9")) {
    facts <- sampleTable("bulb", "sections.csv")
    unknown <- setdiff(sections, rownames(facts))
    if (length(unknown) || !length(sections)) {
        fail("bulb sections", quoted(unknown), rownames(facts))
    }
    spots <- do.call(rbind, lapply(sections, bulbSpots, facts))
    for (column in c("layer", "patient")) {
        spots[[column]] <- sortedFactor(spots[[column]])
    }
    counts <- lapply(sections, function(name) {
        sampleCounts("bulb", name, "counts.tsv.gz")
    })
    counts <- do.call(cbind, counts)
    colnames(counts) <- rownames(spots)
    x <- SpatialExperiment(
        list(counts = counts),
        colData = DataFrame(spots[setdiff(names(spots), c("x", "y"))]),
        spatialCoords = as.matrix(spots[c("x", "y")]),
        imgData = bulbImages(sections)
    )
    microns <- facts[sections, "microns_per_pixel"]
    diameter <- facts[sections, "spot_diameter_microns"] / microns
    names(microns) <- names(diameter) <- sections
    x <- place(x, "settings", "microns_per_pixel", microns)
    place(x, "settings", "spot_diameter_fullres", diameter)
}

#' @rdname examples
#' @export
exampleMixture <- function() {
    spots <- sampleTable("mixture", "spots.csv")
    x <- SpatialExperiment(
        list(counts = sampleCounts("mixture", "spots_counts.tsv.gz")),
        colData = DataFrame(spots["n_cells"], sample_id = "mixture"),
        spatialCoords = as.matrix(spots[c("x", "y")])
    )
    truth <- t(as.matrix(sampleTable("mixture", "proportions.csv")))
    place(x, "altExps", "true_proportions", truth)
}

#' @rdname examples
#' @export
exampleReference <- function() {
    cells <- sampleTable("mixture", "reference_cells.csv")
    cells$cell_type <- sortedFactor(cells$cell_type)
    SingleCellExperiment(
        list(counts = sampleCounts("mixture", "reference_counts.tsv.gz")),
        colData = DataFrame(cells)
    )
}

samplePath <- function(...) {
    system.file("extdata", ..., package = "HistoBridge", mustWork = TRUE)
}

sampleTable <- function(...) {
    read.csv(samplePath(...), row.names = 1, check.names = FALSE)
}

# Genes x spots from a table of spots x genes.
sampleCounts <- function(...) {
    table <- read.delim(samplePath(...), row.names = 1, check.names = FALSE)
    as(as(t(as.matrix(table)), "CsparseMatrix"), "generalMatrix")
}

bulbSpots <- function(name, facts) {
    spots <- sampleTable("bulb", name, "spots.csv")
    spots$sample_id <- name
    spots$patient <- facts[name, "patient"]
    rownames(spots) <- paste(name, rownames(spots), sep = "_")
    spots
}

bulbImages <- function(sections) {
    images <- lapply(sections, function(name) {
        SpatialImage(samplePath("bulb", name, "HE.jpg"))
    })
    DataFrame(
        sample_id = sections, image_id = "hires", data = I(images),
        scaleFactor = 1
    )
}

# The order of levels must not depend on the locale.
sortedFactor <- function(v) factor(v, sort(unique(v), method = "radix"))
