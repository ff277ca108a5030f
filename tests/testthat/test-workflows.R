skipWithoutPython()
skip_if_not_installed("ggplot2")

# Space Ranger's folder: the first half of the genes is high on the left.
visiumFolder <- function() {
    folder <- file.path(tempfile(), "slideA")
    spatial <- file.path(folder, "outs", "spatial")
    dir.create(spatial, recursive = TRUE)
    array <- expand.grid(col = 0:11, row = 0:11)
    array$col <- 2 * array$col + array$row %% 2
    x <- 400 + array$col * 100
    y <- 500 + array$row * 100 * sqrt(3)
    barcodes <- sprintf("AAC%04d-1", seq_along(x))
    positions <- data.frame(
        barcode = barcodes, in_tissue = 1, array_row = array$row,
        array_col = array$col, pxl_row_in_fullres = round(y),
        pxl_col_in_fullres = round(x)
    )
    write.table(
        positions[rev(seq_along(x)), ],
        file.path(spatial, "tissue_positions_list.csv"),
        sep = ",", row.names = FALSE, col.names = FALSE, quote = FALSE
    )
    writeLines(
        paste0(
            "{\"spot_diameter_fullres\": 130, \"tissue_hires_scalef\": 0.1,",
            "\"fiducial_diameter_fullres\": 288, \"tissue_lowres_scalef\": 0.05}"
        ),
        file.path(spatial, "scalefactors_json.json")
    )
    writeWhite(file.path(spatial, "tissue_hires_image.png"), 340, 300)
    writeWhite(file.path(spatial, "tissue_lowres_image.png"), 170, 150)
    left <- x < stats::median(x)
    writeMatrix(file.path(folder, "outs"), left, barcodes)
    list(path = folder, left = left, barcodes = barcodes, x = x, y = y)
}

writeMatrix <- function(outs, left, barcodes) {
    folder <- file.path(outs, "filtered_feature_bc_matrix")
    dir.create(folder)
    high <- outer(seq_len(40) <= 20, left, "==")
    set.seed(1)
    counts <- Matrix::Matrix(
        stats::rpois(length(high), ifelse(high, 12, 1)), 40,
        sparse = TRUE
    )
    Matrix::writeMM(counts, file.path(folder, "matrix.mtx"))
    writeGz <- function(lines, name) {
        file <- gzfile(file.path(folder, name), "w")
        writeLines(lines, file)
        close(file)
    }
    writeGz(readLines(file.path(folder, "matrix.mtx")), "matrix.mtx.gz")
    file.remove(file.path(folder, "matrix.mtx"))
    writeGz(sprintf(
        "ENS%02d\tGene%d\tGene Expression", seq_len(40), seq_len(40)
    ), "features.tsv.gz")
    writeGz(barcodes, "barcodes.tsv.gz")
}

expectHalves <- function(domain, left) {
    table <- table(domain, left)
    expect_identical(dim(table), c(2L, 2L))
    expect_gt(sum(apply(table, 1, max)) / sum(table), 0.85)
}

test_that("a Space Ranger folder is read, clustered and drawn", {
    made <- visiumFolder()
    x <- readVisium(made$path)
    expect_s4_class(x, "SpatialExperiment")
    expect_identical(unique(x$sample_id), "slideA")
    expect_equal(micronsPerPixel(x), c(slideA = 0.5), tolerance = 1e-3)
    at <- match(colnames(x), made$barcodes)
    expect_equal(unname(spatialCoords(x)[, 1]), round(made$x)[at])
    x <- findDomains(x, k = 2, system = "cellcharter")
    expectHalves(x$domain, made$left[at])
    expect_s3_class(plotDomains(x), "ggplot")
    expect_error(readVisium(tempfile()), "no such folder")
})

test_that("the example folders of SpatialExperiment are read and drawn", {
    folder <- system.file("extdata", "10xVisium", package = "SpatialExperiment")
    skip_if(!nzchar(folder), "SpatialExperiment without its example")
    for (section in c("section1", "section2")) {
        x <- readVisium(file.path(folder, section))
        expect_identical(nrow(x), 50L)
        expect_equal(unname(micronsPerPixel(x)), 0.725, tolerance = 0.01)
        x <- addMorphology(x, "colour", cache = FALSE)
        expect_identical(nrow(reducedDim(x, "morphology")), ncol(x))
        expect_s3_class(plotSpots(x, rownames(x)[1]), "ggplot")
    }
})

test_that("an object as Load10X_Spatial() makes it is clustered and drawn", {
    skip_if_not_installed("Seurat")
    made <- visiumFolder()
    outs <- file.path(made$path, "outs")
    counts <- suppressMessages(
        Seurat::Read10X(file.path(outs, "filtered_feature_bc_matrix"))
    )
    # The steps of Load10X_Spatial() without its reader of HDF5.
    x <- SeuratObject::CreateSeuratObject(counts, assay = "Spatial")
    image <- Seurat::Read10X_Image(
        file.path(outs, "spatial"),
        image.name = "tissue_lowres_image.png", assay = "Spatial",
        slice = "slice1"
    )
    x[["slice1"]] <- image[SeuratObject::Cells(x)]
    x <- findDomains(x, k = 2, system = "cellcharter")
    expectHalves(x$domain, made$left[match(colnames(x), made$barcodes)])
    plot <- plotDomains(x)
    data <- ggplot2::layer_data(plot, length(plot$layers))
    expect_length(unique(data$group), ncol(x))
    raster <- Filter(function(l) {
        inherits(l$geom, "GeomRasterAnn")
    }, plot$layers)[[1]]
    # 170 pixels at 0.05 are 3,400 of the slide; the panel shows a part.
    expect_lte(raster$geom_params$xmax, 3400)
    expect_lte(max(made$x), raster$geom_params$xmax)
    expect_lte(max(made$y), -raster$geom_params$ymin)
})

test_that("a text folder of Spatial Transcriptomics is read and drawn", {
    folder <- file.path(tempfile(), "st")
    dir.create(folder, recursive = TRUE)
    at <- expand.grid(x = 5:14, y = 3:12)
    left <- at$x < 10
    high <- outer(left, seq_len(40) <= 20, "==")
    set.seed(1)
    counts <- matrix(stats::rpois(length(high), ifelse(high, 12, 1)), nrow(at))
    dimnames(counts) <- list(
        paste0(at$x, "x", at$y), paste0("Gene", seq_len(40))
    )
    write.table(counts, file.path(folder, "counts.tsv"), sep = "\t")
    x <- readST(folder)
    expect_identical(ncol(x), 100L)
    expect_equal(micronsPerPixel(x), c(st = 200))
    x <- findDomains(x, k = 2, system = "cellcharter")
    expectHalves(x$domain, left)
    expect_s3_class(plotDomains(x), "ggplot")
})

test_that("cells with centroids are read and drawn", {
    folder <- file.path(tempfile(), "cells")
    dir.create(folder, recursive = TRUE)
    set.seed(2)
    x <- stats::runif(200, 0, 5000)
    y <- stats::runif(200, 0, 5000)
    left <- x < stats::median(x)
    high <- outer(left, seq_len(40) <= 20, "==")
    counts <- matrix(stats::rpois(length(high), ifelse(high, 12, 1)), 200)
    colnames(counts) <- paste0("Gene", seq_len(40))
    cells <- data.frame(fov = 1, cell_ID = seq_len(200))
    write.csv(
        cbind(cells, counts), file.path(folder, "a_exprMat_file.csv"),
        row.names = FALSE
    )
    cells$CenterX_global_px <- x
    cells$CenterY_global_px <- y
    write.csv(
        cells[200:1, ], file.path(folder, "a_metadata_file.csv"),
        row.names = FALSE
    )
    found <- readCells(folder)
    expect_equal(micronsPerPixel(found), c(cells = 0.12028))
    found <- findDomains(found, k = 2, system = "cellcharter")
    expectHalves(found$domain, left)
    expect_s3_class(plotDomains(found), "ggplot")
})

test_that("an AnnData file becomes an object that is drawn", {
    made <- visiumFolder()
    adata <- core()$data$read_visium(made$path)
    path <- tempfile(fileext = ".h5ad")
    adata$write_h5ad(path)
    x <- readH5AD(path)
    x <- findDomains(x, k = 2, system = "cellcharter")
    expectHalves(x$domain, made$left[match(colnames(x), made$barcodes)])
    expect_s3_class(plotDomains(x), "ggplot")
})

test_that("an AnnData file of scanpy, whose X holds counts, is clustered", {
    made <- visiumFolder()
    adata <- core()$data$read_visium(made$path)
    reticulate::py_del_item(adata$uns, "X_name")
    path <- tempfile(fileext = ".h5ad")
    adata$write_h5ad(path)
    expect_error(
        findDomains(readH5AD(path), k = 2),
        "\"counts\"; found none; available: X; to fix: name the assay"
    )
    x <- readH5AD(path, assay.type = "counts")
    x <- findDomains(x, k = 2, system = "cellcharter")
    expectHalves(x$domain, made$left[match(colnames(x), made$barcodes)])
    expect_s3_class(plotDomains(x), "ggplot")
    skip_if_not_installed("Seurat")
    y <- readH5AD(path, "Seurat", strict = FALSE, assay.type = "counts")
    expect_identical(
        as.character(findDomains(y, k = 2, system = "cellcharter")$domain),
        as.character(x$domain)
    )
})
