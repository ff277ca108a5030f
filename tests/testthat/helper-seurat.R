# A Seurat object with every part that the mapping table has.
richSeurat <- function(version = "v5", kind = "VisiumV2") {
    x <- toySeurat(kind, version)
    x[["slice"]]@image <- round(x[["slice"]]@image * 255) / 255
    SeuratObject::LayerData(x, "data") <- log1p(
        SeuratObject::LayerData(x, "counts")
    )
    SeuratObject::LayerData(x, "scale.data") <- as.matrix(
        SeuratObject::LayerData(x, "data")
    )[c(5, 2), ] * 2
    SeuratObject::VariableFeatures(x) <- rownames(x)[c(5, 2)]
    x$flag <- c(TRUE, NA, FALSE)
    x$type <- factor(rep(c("a", NA, "b"), 3))
    SeuratObject::Misc(x, "note") <- list(a = 1:2, b = "t")
    x <- addSeuratAssay(x, version)
    x <- addSeuratReductions(x)
    addSeuratGraphs(x)
}

addSeuratAssay <- function(x, version) {
    counts <- toyCounts(3)
    rownames(counts) <- paste0("tag", 1:3)
    make <- if (version == "v5") {
        SeuratObject::CreateAssay5Object
    } else {
        SeuratObject::CreateAssayObject
    }
    assay <- make(counts)
    SeuratObject::LayerData(assay, "scale.data") <- as.matrix(counts)[2:3, ] / 3
    assay[["isotype"]] <- data.frame(
        isotype = c(TRUE, NA, FALSE), row.names = rownames(assay)
    )
    SeuratObject::Key(assay) <- "adt_"
    x[["ADT"]] <- assay
    x
}

addSeuratReductions <- function(x) {
    for (genes in c(6, 3)) {
        axes <- sprintf("PC%d_%d", genes, 1:2)
        key <- paste0("pca", genes)
        x[[key]] <- SeuratObject::CreateDimReducObject(
            matrix(1:18 / genes, 9, dimnames = list(colnames(x), axes)),
            matrix(
                seq_len(2 * genes) / 2, genes,
                dimnames = list(rownames(x)[seq_len(genes)], axes)
            ),
            key = paste0("PC", genes, "_"), assay = "RNA", stdev = c(2, 1),
            misc = list(total.variance = 5)
        )
    }
    x
}

addSeuratGraphs <- function(x) {
    m <- Matrix::sparseMatrix(
        i = c(1, 4, 9, 3), j = c(2, 4, 1, 7), x = c(0.5, 1, 2, 0.25),
        dims = c(9, 9), dimnames = rep(list(colnames(x)), 2)
    )
    graph <- SeuratObject::as.Graph(m)
    SeuratObject::DefaultAssay(graph) <- "RNA"
    x[["RNA_snn"]] <- graph
    index <- cbind(1:9, c(9, 1:8))
    storage.mode(index) <- "integer"
    x[["RNA.nn"]] <- new("Neighbor",
        nn.idx = index, nn.dist = cbind(0, 1:9 / 4), alg.idx = NULL,
        alg.info = list(metric = "euclidean", ndim = 2L),
        cell.names = colnames(x)
    )
    x
}

toyRegions <- function(cells) {
    corners <- data.frame(
        x = c(0, 1, 1, 0), y = c(0, 0, 1, 1), cell = rep(cells, each = 4)
    )
    corners$x <- corners$x + 2 * match(corners$cell, cells)
    points <- data.frame(
        x = seq_along(cells) / 2, y = rev(seq_along(cells)) / 3, cell = cells
    )
    list(
        centroids = SeuratObject::CreateCentroids(points),
        segmentation = SeuratObject::CreateSegmentation(corners)
    )
}

# Split layers, and a field of view with polygons and molecules.
fieldSeurat <- function() {
    x <- toySeurat()
    x[["slice"]] <- NULL
    regions <- toyRegions(colnames(x))
    x[["fov"]] <- SeuratObject::CreateFOV(
        regions,
        type = names(regions), assay = "RNA", key = "fov_",
        molecules = data.frame(
            x = c(1, 2, 3.5), y = 3:1, gene = c("b", "a", "b")
        )
    )
    x[["RNA"]] <- suppressMessages(
        split(x[["RNA"]], rep(c("p", "q"), c(4, 5)))
    )
    x
}

# As in Seurat 5.4, which says which axis is horizontal; a slot is an attribute.
flaggedVisium <- function(image, flag) {
    attr(image, "coords_x_orientation") <- flag
    image
}
