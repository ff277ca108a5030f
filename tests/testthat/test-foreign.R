# AnnData that R never saw, with what it has no type for.
foreignAnnData <- function(code) {
    reticulate::py_run_string(paste(c(
        "import anndata, numpy as np, pandas as pd, scipy.sparse as sp",
        "a = anndata.AnnData(sp.csr_matrix(np.arange(12.0).reshape(4, 3)))",
        code
    ), collapse = "\n"), convert = FALSE)
    reticulate::import_main(convert = FALSE)$a
}

test_that("whole numbers of Python arrive, or are named, never others", {
    skipWithoutPython()
    adata <- foreignAnnData(c(
        "a.uns['sizes'] = {'m': 2**31, 'n': -2**31, 'k': 7, 'l': 2**40}",
        "a.obs['m'] = [2**31, 2**40, 0, -1]"
    ))
    x <- asExperiment(adata)
    expect_identical(
        unlist(S4Vectors::metadata(x)$sizes),
        c(m = 2^31, n = -2^31, k = 7, l = 2^40)
    )
    expect_identical(x$m, c(2^31, 2^40, 0, -1))
    adata <- foreignAnnData(c(
        "a.obs['id'] = [2**60 + 1, 1, 2, 3]",
        "a.uns['code'] = 2**53 + 1", "a.uns['codes'] = np.array([2**60 + 1])"
    ))
    left <- paste(
        c("obs[\"id\"]", "uns[\"code\"]", "uns[\"codes\"]"),
        "(whole numbers beyond 2^53)"
    )
    expect_error(asExperiment(adata), toString(left), fixed = TRUE)
    x <- asExperiment(adata, strict = FALSE)
    expect_identical(S4Vectors::metadata(x)$HistoBridge$left_out, left)
    expect_length(colData(x), 1)
})

test_that("columns without a type in R are left out, in nested tables too", {
    skipWithoutPython()
    adata <- foreignAnnData(c(
        "mixed, whole = [1, 'a', None, 2.5], [1, 2, 3, 4]",
        "a.obs['mixed'], a.obs['whole'] = mixed, whole",
        "a.var['lag'] = pd.to_timedelta([1, 2, 3], unit='s')",
        "a.uns['texts'] = np.array([1, 'a'], dtype=object)",
        "a.uns['frame'] = pd.DataFrame({'k': [[1], [2]]})",
        "b = a[:, :2].copy()", "b.uns = {}", "a.uns['altExps'] = {'B': b}"
    ))
    left <- c(
        "obs[\"mixed\"] (an object of class int)",
        "var[\"lag\"] (an object of class Timedelta)",
        "uns[\"texts\"] (an object of class int)",
        "uns[\"frame\"]['k'] (an object of class list)"
    )
    nested <- paste(left[1:2], "of uns[\"altExps\"][\"B\"]")
    expect_error(asExperiment(adata), toString(left), fixed = TRUE)
    x <- asExperiment(adata, strict = FALSE)
    expect_identical(
        S4Vectors::metadata(x)$HistoBridge$left_out, c(left, nested)
    )
    expect_setequal(names(colData(x)), c("whole", "sample_id"))
    expect_identical(names(colData(altExp(x, "B"))), "whole")
    skip_if_not_installed("Seurat")
    y <- asSeurat(adata, strict = FALSE)
    expect_identical(unname(y$whole), 1:4)
    expect_true(all(left %in% y@misc$HistoBridge$left_out))
})

test_that("frames of several types keep their values, and loadings names", {
    skipWithoutPython()
    adata <- foreignAnnData(c(
        "a.obsm['t'] = pd.DataFrame({'f': [True, False] * 2,",
        "    'x': [0.5, 1.5, 2.5, np.nan],",
        "    'n': pd.array([1, None, 3, 4], dtype='Int64')},",
        "    index=a.obs_names)",
        "a.varm['PCs'] = pd.DataFrame({'a': [.5, 1., 2.], 'b': [3., 4., 5.]},",
        "    index=a.var_names)",
        "a.varm['sparse'] = sp.eye(3).tocsr()"
    ))
    x <- asExperiment(adata)
    expect_equal(
        unname(as.matrix(assay(altExp(x, "t")))),
        rbind(c(1, 0, 1, 0), c(0.5, 1.5, 2.5, NA), c(1, NA, 3, 4))
    )
    varm <- S4Vectors::metadata(x)$varm
    expect_identical(
        varm$PCs, matrix(
            c(0.5, 1, 2, 3, 4, 5), 3,
            dimnames = list(rownames(x), c("a", "b"))
        )
    )
    expect_identical(unname(varm$sparse), diag(3))
    back <- asAnnData(x, "X")
    expect_identical(
        framesLabels(bridge()$get(back, "varm", "PCs")), c("a", "b")
    )
    expect_identical(S4Vectors::metadata(asExperiment(back))$varm, varm)
})

test_that("what scanpy knows of a section beside its images comes back", {
    skipWithoutPython()
    adata <- foreignAnnData(c(
        "a.obsm['spatial'] = np.arange(8).reshape(4, 2)",
        "a.uns['spatial'] = {'V1': {'images': {'hires':",
        "    np.full((2, 3, 3), 9, 'uint8')}, 'scalefactors': {",
        "    'tissue_hires_scalef': .5, 'spot_diameter_fullres': 89.5,",
        "    'fiducial_diameter_fullres': 144.5}, 'metadata': {",
        "    'software_version': '1.2', 'source_image_path': 'x.tif'}}}"
    ))
    expected <- py_to_r(adata$uns[["spatial"]])$V1
    x <- asExperiment(adata)
    there <- list(x, readH5AD(writeH5AD(
        x, tempfile(fileext = ".h5ad"),
        assay.type = "X"
    )))
    there[[3]] <- x[, c(2, 1)]
    for (object in there) {
        found <- py_to_r(asAnnData(object, "X")$uns[["spatial"]])$V1
        expect_identical(found$metadata, expected$metadata)
        factors <- found$scalefactors[names(expected$scalefactors)]
        expect_identical(factors, expected$scalefactors)
    }
})

test_that("images belong to the sections that obs tells", {
    skipWithoutPython()
    code <- c(
        "a.obsm['spatial'] = np.arange(8).reshape(4, 2)",
        "def library(): return {'images': {'hires': np.full((2, 3, 3), 9,",
        "    'uint8')}, 'scalefactors': {'tissue_hires_scalef': .5}}",
        "a.uns['spatial'] = {'V1': library()}"
    )
    x <- asExperiment(foreignAnnData(code))
    expect_identical(x$sample_id, rep("V1", 4))
    expect_true(methods::validObject(x[, 1:2]))
    named <- "uns[\"spatial\"][\"V1\"] (of no sample_id)"
    for (wrong in c(
        "a.obs['sample_id'] = 'P1'", "a.uns['spatial']['V2'] = library()"
    )) {
        adata <- foreignAnnData(c(code, wrong))
        expect_error(asExperiment(adata), named, fixed = TRUE)
        expect_true(methods::validObject(asExperiment(adata, strict = FALSE)))
    }
    adata <- changedBy(toySpe(), "a = a[:3].copy()")
    expect_identical(imgData(asExperiment(adata)), imgData(toySpe()[, 1:3]))
})
