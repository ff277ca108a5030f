skip_if_not_installed("Seurat")
suppressPackageStartupMessages(loadNamespace("Seurat"))

for (version in c("v3", "v5")) {
    for (kind in c("VisiumV1", "VisiumV2")) {
        test_that(paste("a rich Seurat object comes back:", version, kind), {
            skipWithoutPython()
            x <- richSeurat(version, kind)
            y <- asSeurat(asAnnData(x))
            for (part in names(seuratParts)) {
                expect_identical(
                    seuratParts[[part]](y), seuratParts[[part]](x),
                    info = part
                )
            }
        })
    }
}

test_that("a rich Seurat object becomes an experiment", {
    skipWithoutPython()
    x <- richSeurat()
    y <- asExperiment(asAnnData(x))
    expect_identical(altExpNames(y), c("scale.data", "ADT"))
    expect_identical(
        unname(assay(altExp(y, "ADT"))), unname(toyCounts(3))
    )
    graph <- x[["RNA_snn"]]
    hits <- SingleCellExperiment::colPair(y, "RNA_snn")
    expect_identical(
        mcols(hits)$x, graph[cbind(S4Vectors::from(hits), S4Vectors::to(hits))]
    )
    expect_identical(reducedDimNames(y), c("pca6", "pca3"))
})

test_that("what Python sees of graphs, loadings and scaled features", {
    skipWithoutPython()
    x <- richSeurat()
    adata <- asAnnData(x)
    graph <- bridge()$get(adata, "obsp", "RNA_snn")
    expect_identical(
        unname(as.matrix(x[["RNA_snn"]])), py_to_r(graph$toarray())
    )
    expect_identical(
        unname(SeuratObject::Loadings(x[["pca6"]])),
        fromArray(bridge()$get(adata, "varm", "pca6"), "F")
    )
    scaled <- bridge()$get(adata, "obsm", "scale.data")
    expect_identical(framesLabels(scaled), c("gene-2", "gene-5"))
    nested <- pyItems(bridge()$get(adata, "uns", "altExps"))
    expect_identical(names(nested), "ADT")
})

test_that("rows and columns by the flag of Seurat 5.4", {
    skipWithoutPython()
    x <- toySeurat("VisiumV2")
    old <- fromArray(bridge()$get(asAnnData(x), "obsm", "spatial"), "F")
    expect_identical(old, cbind(1:9 / 2, 1:9 / 4))
    for (flag in c("horizontal", "vertical")) {
        x@images$slice <- flaggedVisium(
            toySeurat("VisiumV2")[["slice"]], flag
        )
        adata <- asAnnData(x)
        expected <- if (flag == "horizontal") old[, 2:1] else old
        found <- fromArray(bridge()$get(adata, "obsm", "spatial"), "F")
        expect_identical(found, expected, info = flag)
        facts <- fromValue(bridge()$get(adata, "uns", "r_object"))$images$slice
        expect_identical(facts$orientation, flag)
    }
})

test_that("centroids, segmentations and molecules of a field come back", {
    skipWithoutPython()
    x <- toySeurat()
    x[["slice"]] <- NULL
    regions <- toyRegions(colnames(x))
    molecules <- data.frame(x = c(1, 2, 3.5), y = 3:1, gene = c("b", "a", "b"))
    for (kept in list("centroids", "segmentation", names(regions))) {
        for (points in list(NULL, molecules)) {
            x[["fov"]] <- SeuratObject::CreateFOV(
                regions[kept],
                type = kept, assay = "RNA", key = "fov_", molecules = points
            )
            adata <- asAnnData(x)
            expect_identical(
                asSeurat(adata)[["fov"]], x[["fov"]],
                info = toString(kept)
            )
            x[["fov"]] <- NULL
        }
    }
})

test_that("split layers come back split", {
    skipWithoutPython()
    x <- toySeurat()
    x[["RNA"]] <- suppressMessages(
        split(x[["RNA"]], rep(c("p", "q"), c(4, 5)))
    )
    expect_identical(asSeurat(asAnnData(x))@assays, x@assays)
})

test_that("images that Seurat did not make become VisiumV2 or a field", {
    skipWithoutPython()
    x <- toySpe()
    imgData(x) <- S4Vectors::DataFrame(
        sample_id = c("a", "b"), image_id = c("hires", "lowres"),
        data = I(list(SpatialImage(toyPicture()), SpatialImage(toyRaster()))),
        scaleFactor = c(0.5, 0.25)
    )
    y <- asSeurat(asAnnData(x))
    expect_identical(SeuratObject::Images(y), c("a", "b", "c"))
    classes <- vapply(y@images, function(image) class(image)[1], "")
    expect_identical(unname(classes), c("VisiumV2", "VisiumV2", "FOV"))
    expect_identical(y[["b"]]@scale.factors$lowres, 0.25)
    expect_identical(
        dim(y[["b"]]@image), c(4L, 6L, 3L)
    )
    expect_equal(y[["b"]]@image[1, , ], t(col2rgb(toyRaster()[1, ])) / 255,
        ignore_attr = TRUE
    )
    # And back: coordinates, sections and the picture are as they were.
    again <- asAnnData(y)
    expect_identical(
        fromArray(bridge()$get(again, "obsm", "spatial"), "F"),
        unname(spatialCoords(x))
    )
    z <- asExperiment(again)
    expect_identical(z$sample_id, x$sample_id)
    expect_identical(imgRaster(z, "b", "lowres"), imgRaster(x, "b", "lowres"))
    expect_identical(
        SeuratObject::GetTissueCoordinates(y[["b"]])$cell, colnames(x)[4:6]
    )
})

test_that("what a Seurat object cannot hand over or take is named", {
    skipWithoutPython()
    x <- richSeurat()
    x@neighbors$RNA.nn@alg.idx <- list(1)
    counts <- toyCounts(2)[, 1:4]
    rownames(counts) <- c("p1", "p2")
    x[["part"]] <- SeuratObject::CreateAssay5Object(counts)
    named <- c(
        "assay part", "search index of neighbours RNA.nn"
    )
    expect_error(asAnnData(x), toString(named), fixed = TRUE)
    expect_identical(leftOut(asAnnData(x, strict = FALSE)), named)
    adata <- asAnnData(richSpe())
    expect_error(asSeurat(adata), "varp[\"genes\"]", fixed = TRUE)
    # The names of toyCounts() have underscores, which Seurat has not.
    y <- suppressWarnings(asSeurat(adata, strict = FALSE))
    left <- y@misc$HistoBridge$left_out
    expect_true(all(c(
        "varm[\"LEM6\"]", "varp[\"genes\"]",
        "obsm[\"P\"] of uns[\"altExps\"][\"ADT\"]",
        "image hires of section a", "image hires of section b"
    ) %in% left))
})

test_that("an own sample_id beside images comes back, whatever it says", {
    skipWithoutPython()
    x <- toySeurat()
    x[["slice"]]@image <- round(x[["slice"]]@image * 255) / 255
    for (own in list(rep(c("P1", NA, "P2"), 3), factor(rep("P1", 9)), 9:1)) {
        x$sample_id <- own
        adata <- asAnnData(x)
        expect_identical(
            fromColumn(bridge()$read(adata, "obs", "sample_id")),
            rep("slice", 9)
        )
        expect_identical(asSeurat(adata)[[]], x[[]])
    }
    adata <- changedBy(x, "a.obs['sample_id'] = list('abcabcabc')")
    expect_identical(
        unname(asSeurat(adata)$sample_id), rep(c("a", "b", "c"), 3)
    )
})

test_that("tools, other classes of images and sparse obsm are named", {
    skipWithoutPython()
    x <- toySeurat()
    x[["slice"]] <- NULL
    x[["beads"]] <- new("SlideSeq",
        assay = "RNA", key = "beads_",
        coordinates = data.frame(x = 1:9, y = 9:1, row.names = colnames(x))
    )
    x@tools$tree <- list(height = 1)
    named <- c("tool tree", "class SlideSeq of image beads")
    expect_error(asAnnData(x), toString(named), fixed = TRUE)
    adata <- asAnnData(x, strict = FALSE)
    expect_identical(leftOut(adata), named)
    expect_equal(pull(adata, "obsm", "spatial"), unname(cbind(1:9, 9:1)))
    expect_length(SeuratObject::Images(asSeurat(adata)), 0)
    sparse <- changedBy(toySeurat(), "a.obsm['wide'] = sp.eye(9).tocsr()")
    expect_error(asSeurat(sparse), "obsm[\"wide\"] (sparse)", fixed = TRUE)
})

test_that("what Python has taken out or named anew does not confuse Seurat", {
    skipWithoutPython()
    y <- asSeurat(changedBy(
        richSeurat(), c("del a.obsm['scale.data']", "del a.obs['flag']")
    ))
    expect_setequal(SeuratObject::Layers(y), c("counts", "data"))
    expect_false("flag" %in% names(y[[]]))
    adata <- changedBy(
        toySeurat(), "a.obs_names = [n + '-1' for n in a.obs_names]"
    )
    expect_error(asSeurat(adata), "uns[\"r_object\"] (of", fixed = TRUE)
    y <- asSeurat(adata, strict = FALSE)
    expect_identical(colnames(y)[1:2], c("s1-1", "s2-1"))
    expect_identical(SeuratObject::Images(y), "slice")
    adata <- asAnnData(toySpe()[1:2, ], strict = FALSE)
    adata$var_names <- c("a_1", "a-1")
    expect_error(asSeurat(adata, strict = FALSE), "stay unique with - for _")
    adata$X <- NULL
    adata$var_names <- c("a", "b")
    expect_error(asSeurat(adata, strict = FALSE), "X or a layer")
})
