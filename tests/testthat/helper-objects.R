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

# An experiment with every part that the mapping table has.
richSpe <- function() {
    x <- toySpe()
    coords <- spatialCoords(x)
    colnames(coords) <- c("pxl_row_in_fullres", "pxl_col_in_fullres")
    x <- SpatialExperiment(
        list(counts = toyCounts(), flags = as.matrix(toyCounts() > 2)),
        rowRanges = toyRanges(rownames(x)), colData = colData(x),
        spatialCoords = coords, imgData = manyImages(),
        metadata = toyMetadata()
    )
    micronsPerPixel(x) <- c(a = 2, b = 3)
    rowData(x)$symbol <- c("a", NA, "\u00e9", "", "NA", "b")
    x$run <- S4Vectors::Rle(rep(1:3, 3))
    addParts(x)
}

toyRanges <- function(names) {
    GenomicRanges::GRanges(
        c("chr1", "chr1", "chr2", "chr2", "chrX", "chrX"),
        IRanges::IRanges(1:6 * 10L, width = 0:5, names = names),
        strand = c("+", "-", "*", "+", "-", "*"),
        seqinfo = GenomeInfoDb::Seqinfo(
            c("chr1", "chr2", "chrX"), c(100L, NA, 300L), c(FALSE, NA, TRUE),
            c("toy", "toy", NA)
        )
    )
}

# Interleaved samples, two images of one, a path, an address and pixels.
manyImages <- function() {
    images <- list(
        SpatialImage(toyPicture()), SpatialImage(toyRaster()),
        SpatialImage(toyRaster(3, 2)),
        SpatialImage("https://example.org/a/image.png", is.url = TRUE)
    )
    S4Vectors::DataFrame(
        sample_id = c("a", "b", "a", "b"),
        image_id = c("hires", "detail", "lowres", "hires"),
        data = I(images), scaleFactor = c(0.5, 0.25, 0.125, NA)
    )
}

toyMetadata <- function() {
    list(
        text = "one", texts = c("a", NA, "\u00e9"), number = 1, whole = 3L,
        gone = NA, goneInteger = NA_integer_, named = c(b = 1, a = NaN),
        nested = list(
            deep = list(level = factor("x", c("x", "y"))), none = NULL
        ),
        unnamed = list(1L, "b", list(TRUE)), twice = list(a = 1, a = 2),
        empty = list(), nothing = character(), when = as.Date("2024-02-29"),
        moment = as.POSIXct(1.7e9, tz = "UTC"), `a/b` = c(TRUE, NA),
        matrix = matrix(
            c(1L, NA, 3L, 4L), 2,
            dimnames = list(NULL, c("u", "v"))
        ),
        cube = array(1:24 / 2, 2:4), sparse = toyCounts(3, 4),
        frame = data.frame(n = 1:2, f = factor(c("q", NA))),
        labelled = data.frame(n = 1:2, row.names = c("r1", "r2")),
        table = S4Vectors::DataFrame(k = c(1.5, NA), row.names = c("i", "j")),
        where = toyRanges(paste0("r", 1:6))
    )
}

addParts <- function(x) {
    spots <- ncol(x)
    scores <- matrix(1:(2 * spots) / 3, spots)
    reducedDim(x, "PCA") <- structure(
        matrix(1:(3 * spots) / 7, spots,
            dimnames = list(colnames(x), paste0("PC", 1:3))
        ),
        percentVar = c(50, 30, 20)
    )
    reducedDim(x, "counts") <- matrix(1:spots, spots, 1)
    loadings <- matrix(1:12 / 5, 6, dimnames = list(rownames(x), c("A", "B")))
    for (genes in c(6, 4)) {
        reducedDim(x, paste0("LEM", genes)) <-
            SingleCellExperiment::LinearEmbeddingMatrix(
                scores, loadings[seq_len(genes), ],
                S4Vectors::DataFrame(sd = c(2, 1), row.names = c("A", "B")),
                list(method = "toy")
            )
    }
    hits <- S4Vectors::SelfHits(c(3, 1, 1, 2), c(1, 2, 9, 2), spots)
    SingleCellExperiment::colPair(x, "bare") <- hits
    S4Vectors::mcols(hits)$w <- c(0.5, 0, NA, -1)
    SingleCellExperiment::colPair(x, "weighted") <- hits
    S4Vectors::mcols(hits)$kind <- c("a", "b", NA, "")
    SingleCellExperiment::colPair(x, "many") <- hits
    SingleCellExperiment::rowPair(x, "genes") <- S4Vectors::SelfHits(
        1:3, 4:6, 6, w = 7:9
    )
    addExperiments(x)
}

addExperiments <- function(x) {
    own <- matrix(1:18 / 2, 2,
        dimnames = list(c("T_1", "B/2"), colnames(x))
    )
    altExp(x, "own") <- SummarizedExperiment::SummarizedExperiment(
        list(own = own)
    )
    inner <- SingleCellExperiment(
        list(counts = toyCounts(3), log = toyCounts(3))
    )
    reducedDim(inner, "P") <- matrix(1:18 + 0, 9)
    innermost <- SummarizedExperiment::SummarizedExperiment(
        list(counts = as.matrix(toyCounts(2))),
        rowData = S4Vectors::DataFrame(isotype = c(TRUE, NA)),
        metadata = list(deep = TRUE)
    )
    altExp(inner, "deeper") <- innermost
    altExp(x, "ADT") <- inner
    SingleCellExperiment::mainExpName(x) <- "genes"
    x
}

# What Python makes of the AnnData `a` of an object.
changedBy <- function(x, code) {
    body <- c("a = a.copy()", code, "return a")
    lines <- c("def change(a):", paste("   ", body))
    reticulate::py_run_string(
        paste(c("import scipy.sparse as sp", lines), collapse = "\n"),
        convert = FALSE
    )
    reticulate::import_main(convert = FALSE)$change(asAnnData(x))
}
