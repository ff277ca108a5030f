skipWithoutPython <- function() {
    skip_if_not(pythonReady(), "no Python with torch")
}

toyCounts <- function(genes = 6, spots = 9) {
    counts <- matrix(
        (seq_len(genes * spots) * 7L) %% 5L, genes,
        dimnames = list(
            paste0("gene_", seq_len(genes)), paste0("s", seq_len(spots))
        )
    )
    as(as(counts, "CsparseMatrix"), "generalMatrix")
}

# A small red, green and blue picture, wider than high.
toyRaster <- function(height = 4, width = 6) {
    as.raster(matrix(
        rep(c("#FF0000", "#00FF00", "#0000FE"), length.out = height * width),
        height, width
    ))
}

# Three sections of three spots: a has a stored picture, b a loaded one, and
# c none.
toySpe <- function(path = toyPicture()) {
    coords <- cbind(x = 1:9 / 2, y = 9:1 / 3)
    images <- list(
        SpatialImage(path), SpatialImage(toyRaster())
    )
    SpatialExperiment(
        list(counts = toyCounts()),
        colData = S4Vectors::DataFrame(
            sample_id = rep(c("a", "b", "c"), each = 3),
            layer = factor(rep(c("out", "in", NA), 3))
        ),
        spatialCoords = coords,
        imgData = S4Vectors::DataFrame(
            sample_id = c("a", "b"), image_id = c("hires", "detail"),
            data = I(images), scaleFactor = c(0.5, 0.25)
        )
    )
}

toyPicture <- function() {
    system.file("extdata/bulb/Rep4/HE.jpg", package = "HistoBridge")
}

# VisiumV1 and VisiumV2 put row and column under different names.
toySeurat <- function(kind = c("VisiumV1", "VisiumV2"), version = "v5") {
    kind <- match.arg(kind)
    counts <- toyCounts()
    rownames(counts) <- sub("_", "-", rownames(counts))
    make <- if (version == "v5") {
        SeuratObject::CreateAssay5Object
    } else {
        SeuratObject::CreateAssayObject
    }
    x <- SeuratObject::CreateSeuratObject(make(counts))
    x$batch <- c(1L, NA, 3:9)
    x[["slice"]] <- toyVisium(kind, colnames(x))
    x
}

toyVisium <- function(kind, cells) {
    picture <- array(seq(0, 1, length.out = 24 * 3), c(4, 6, 3))
    rows <- seq_along(cells) / 4
    columns <- seq_along(cells) / 2
    factors <- Seurat::scalefactors(
        spot = 2, fiducial = 3, hires = 0.5, lowres = 0.25
    )
    if (kind == "VisiumV1") {
        return(new("VisiumV1",
            image = picture, scale.factors = factors, spot.radius = 0.1,
            assay = "RNA", key = "slice_",
            coordinates = data.frame(
                tissue = 1L, row = 1L, col = 1L, imagerow = rows,
                imagecol = columns, row.names = cells
            )
        ))
    }
    centroids <- SeuratObject::CreateCentroids(
        data.frame(x = rows, y = columns, cell = cells)
    )
    new("VisiumV2",
        image = picture, scale.factors = factors, assay = "RNA",
        key = "slice_", boundaries = list(centroids = centroids)
    )
}

pull <- function(adata, part, key) {
    reticulate::py_to_r(bridge()$read(adata, part, key))
}
