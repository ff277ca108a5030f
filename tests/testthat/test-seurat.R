skip_if_not_installed("Seurat")
suppressPackageStartupMessages(loadNamespace("Seurat"))

test_that("counts, columns and coordinates of a Seurat object arrive", {
    skipWithoutPython()
    for (kind in c("VisiumV1", "VisiumV2")) {
        for (version in c("v3", "v5")) {
            x <- toySeurat(kind, version)
            adata <- asAnnData(x, strict = FALSE)
            expect_equal(
                py_to_r(adata$X$toarray()), unname(t(as.matrix(toyCounts())))
            )
            expect_identical(
                fromColumn(bridge()$read(adata, "obs", "batch")),
                c(1L, NA, 3:9)
            )
            expect_identical(
                fromColumn(bridge()$read(adata, "obs", "sample_id")),
                rep("slice", 9)
            )
            # x is the image column, y the image row.
            expect_equal(
                pull(adata, "obsm", "spatial"), cbind(1:9 / 2, 1:9 / 4)
            )
        }
    }
})

test_that("the picture of a Seurat object arrives as uint8 with its scale", {
    skipWithoutPython()
    x <- toySeurat("VisiumV2")
    micronsPerPixel(x) <- 1.5
    spatial <- py_to_r(asAnnData(x)$uns$get("spatial"))$slice
    expect_equal(
        spatial$images$lowres,
        round(255 * array(seq(0, 1, length.out = 72), c(4, 6, 3)))
    )
    expect_identical(
        spatial$scalefactors,
        list(tissue_lowres_scalef = 0.25, microns_per_pixel = 1.5)
    )
})

test_that("split layers are joined, the object is not", {
    skipWithoutPython()
    x <- toySeurat()
    x[["RNA"]] <- suppressMessages(
        split(x[["RNA"]], rep(c("p", "q"), c(4, 5)))
    )
    before <- x
    expect_equal(
        py_to_r(asAnnData(x)$X$toarray()), unname(t(as.matrix(toyCounts())))
    )
    expect_identical(x, before)
})

test_that("results land in a Seurat object and nothing else changes", {
    skipWithoutPython()
    x <- toySeurat()
    before <- x
    reticulate::py_run_string(paste(
        "import numpy as np, pandas as pd",
        "def seurat_verb(adata, key_added):",
        "    adata.obs[key_added] = pd.Categorical(['a', 'b', None] * 3)",
        "    adata.obsm[key_added + '_dims'] = np.ones((9, 2))",
        "    adata.obsm[key_added + '_table'] = pd.DataFrame(",
        "        {'T_1': np.arange(9.), 'B/2': 0.}, index=adata.obs_names)",
        sep = "\n"
    ), convert = FALSE)
    verb <- reticulate::import_main(convert = FALSE)$seurat_verb
    adata <- handOver(x)
    keys <- keysOf(adata)
    callPython(verb, adata, keyAdded = "made")
    expect_no_warning(y <- graft(x, adata, keys, "made"))
    expect_identical(x, before)
    expect_identical(y$made[[2]], factor("b", c("a", "b")))
    expect_identical(dim(SeuratObject::Embeddings(y, "made_dims")), c(9L, 2L))
    expect_identical(
        rownames(y[["made_table"]]), c("T-1", "B/2")
    )
    expect_identical(
        unname(SeuratObject::LayerData(
            y,
            assay = "made_table", layer = "data"
        )["T-1", ]), as.double(0:8)
    )
    expect_identical(y[["RNA"]], x[["RNA"]])
    expect_identical(y[["slice"]], x[["slice"]])
    expect_identical(SeuratObject::DefaultAssay(y), "RNA")
    again <- asAnnData(y)
    expect_identical(
        names(fromFrame(bridge()$read(again, "obsm", "made_table"))),
        c("T_1", "B/2")
    )
    gone <- forget(y, "made")
    expect_identical(names(gone), names(x))
    expect_identical(gone[[]], x[[]])
    expect_length(gone@misc, 0)
})

test_that("a layer that is not there is named", {
    skipWithoutPython()
    expect_error(
        asAnnData(toySeurat(), assay.type = "nothing", strict = FALSE),
        paste(
            "a layer named \"nothing\" of all 6 features and 9 cells;",
            "found none; available: counts"
        ),
        fixed = TRUE
    )
})

test_that("morphology of a Seurat object", {
    skipWithoutPython()
    x <- toySeurat()
    micronsPerPixel(x) <- 10
    y <- addMorphology(
        x, "colour",
        patchMicrons = 40, cache = FALSE, progress = FALSE
    )
    features <- SeuratObject::Embeddings(y, "morphology")
    expect_identical(rownames(features), colnames(x))
    expect_identical(y@misc$HistoBridge$morphology$patch_microns, 40)
})

test_that("a verb finds the same in a Seurat object as in its experiment", {
    skipWithoutPython()
    x <- exampleMixture()[, 1:30]
    reference <- exampleReference()
    own <- deconvolve(
        SeuratObject::CreateSeuratObject(
            SeuratObject::CreateAssay5Object(assay(x))
        ),
        SeuratObject::CreateSeuratObject(
            SeuratObject::CreateAssay5Object(assay(reference)),
            meta.data = as.data.frame(colData(reference))
        )
    )
    found <- SeuratObject::LayerData(own, "data", assay = "proportions")
    expected <- assay(altExp(deconvolve(x, reference), "proportions"))
    expect_equal(as.matrix(found), expected)
})

test_that("a Seurat object comes back", {
    skipWithoutPython()
    for (kind in c("VisiumV1", "VisiumV2")) {
        for (version in c("v3", "v5")) {
            x <- toySeurat(kind, version)
            x[["slice"]]@image <- round(x[["slice"]]@image * 255) / 255
            SeuratObject::LayerData(x, "data") <- log1p(
                SeuratObject::LayerData(x, "counts")
            )
            x$flag <- c(TRUE, NA, FALSE)
            x$type <- factor(rep(c("a", NA, "b"), 3))
            m <- matrix(1:18 / 3, 9,
                dimnames = list(colnames(x), c("PC_1", "PC_2"))
            )
            loadings <- matrix(1:6 / 2, 3,
                dimnames = list(rownames(x)[1:3], c("PC_1", "PC_2"))
            )
            x[["pca"]] <- SeuratObject::CreateDimReducObject(
                m, loadings, key = "PC_", assay = "RNA", stdev = c(2, 1)
            )
            SeuratObject::Misc(x, "note") <- list(a = 1:2, b = "t")
            y <- asSeurat(asAnnData(x))
            info <- paste(kind, version)
            expect_identical(y[[]], x[[]], info = info)
            for (layer in c("counts", "data")) {
                expect_identical(
                    SeuratObject::LayerData(y, layer),
                    SeuratObject::LayerData(x, layer),
                    info = info
                )
            }
            expect_identical(class(y[["RNA"]]), class(x[["RNA"]]))
            expect_identical(y[["pca"]], x[["pca"]], info = info)
            expect_identical(y[["slice"]], x[["slice"]], info = info)
            expect_identical(y@misc, x@misc)
            expect_identical(SeuratObject::Idents(y), SeuratObject::Idents(x))
        }
    }
})

test_that("an experiment without images becomes a Seurat object", {
    skipWithoutPython()
    x <- exampleReference()
    y <- asSeurat(asAnnData(x))
    expect_identical(y$cell_type, stats::setNames(x$cell_type, colnames(x)))
    expect_identical(
        unname(as.matrix(SeuratObject::LayerData(y, "counts"))),
        unname(as.matrix(assay(x)))
    )
})
