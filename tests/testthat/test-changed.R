# Python, between the way there and the way back, changes the AnnData: what R
# had noted of it must not spoil what it holds now.

test_that("new values are not squeezed into the class of the old ones", {
    skipWithoutPython()
    counts <- toyCounts(6, 6)
    colnames(counts) <- rownames(counts)
    whole <- as.matrix(counts)
    storage.mode(whole) <- "integer"
    x <- SingleCellExperiment(list(
        counts = counts, integer = whole, logical = whole > 2,
        lgC = counts > 2, ngC = as(counts, "nMatrix"),
        symmetric = Matrix::forceSymmetric(Matrix::tcrossprod(counts)),
        diagonal = Matrix::Diagonal(6)
    ))
    for (scale in list(rep(0.5, 6), 1:6 / 2)) {
        y <- asExperiment(changedBy(x, c(
            sprintf("by = sp.diags([%s])", toString(scale)),
            "for k in list(a.layers): a.layers[k] = by @ a.layers[k]"
        )), "SingleCellExperiment")
        for (name in setdiff(assayNames(x), "counts")) {
            expect_equal(
                unname(as.matrix(assay(y, name))),
                unname(t(t(as.matrix(assay(x, name))) * scale)),
                info = name
            )
        }
    }
    expect_s4_class(assay(y, "diagonal"), "ddiMatrix")
})

test_that("coordinates and dimensions of integers may get fractions", {
    skipWithoutPython()
    x <- toySpe()
    coords <- cbind(x = 1:9, y = 9:1)
    spatialCoords(x) <- coords
    reducedDim(x, "grid") <- unname(coords)
    y <- asExperiment(changedBy(
        x, "for k in list(a.obsm): a.obsm[k] = a.obsm[k] / 2"
    ))
    expect_identical(unname(spatialCoords(y)), unname(coords) / 2)
    expect_identical(unname(reducedDim(y, "grid")), unname(coords) / 2)
})

test_that("counts that Python put aside stay apart from X", {
    skipWithoutPython()
    x <- toySpe()
    scanpy <- changedBy(
        x, c("a.layers['counts'] = a.X.copy()", "a.X = a.X / 4")
    )
    y <- asExperiment(scanpy)
    expect_identical(assayNames(y), c("counts", "X"))
    expect_identical(assay(y, "counts"), assay(x, "counts"))
    expect_equal(assay(y, "X"), assay(x, "counts") / 4)
    expect_identical(assayNames(asExperiment(asAnnData(y))), c("counts", "X"))
    both <- changedBy(x, "for k in ('X', 'counts'): a.layers[k] = a.X.copy()")
    expect_error(
        asExperiment(both), "a name of X that no layer has; found layers"
    )
})

test_that("spots and features cut and sorted by Python keep what is theirs", {
    skipWithoutPython()
    x <- richSpe()
    x$label <- stats::setNames(1:9, letters[1:9])
    cuts <- list(
        `[::-1]` = list(9:1, 1:6), `[[5, 1, 3]]` = list(c(6, 2, 4), 1:6),
        `[:, [4, 0]]` = list(1:9, c(5, 1)), `[:, ::-1]` = list(1:9, 6:1)
    )
    for (cut in names(cuts)) {
        y <- asExperiment(changedBy(x, sprintf("a = a%s.copy()", cut)))
        expected <- x[cuts[[cut]][[2]], cuts[[cut]][[1]]]
        plain <- setdiff(names(spatialParts), c("reducedDims", "altExps"))
        for (part in plain) {
            expect_equal(
                spatialParts[[part]](y), spatialParts[[part]](expected),
                info = paste(cut, part)
            )
        }
        for (name in altExpNames(x)) {
            expect_identical(
                assays(altExp(y, name)), assays(altExp(expected, name)),
                info = paste(cut, name)
            )
        }
        expect_equal(
            as.matrix(reducedDim(y, "LEM6")),
            as.matrix(reducedDim(expected, "LEM6")),
            info = cut
        )
    }
})

test_that("what R has noted for other spots or features is named", {
    skipWithoutPython()
    adata <- changedBy(richSpe(), c(
        "a.obs_names = [n + '-1' for n in a.obs_names]",
        "a.var_names = a.var_names + 'x'"
    ))
    named <- c(
        "uns[\"altExps\"][\"ADT\"] (of other spots)",
        "uns[\"r_object\"][\"rowRanges\"] (of other features)"
    )
    expect_error(asExperiment(adata), toString(named), fixed = TRUE)
    y <- asExperiment(adata, strict = FALSE)
    expect_identical(S4Vectors::metadata(y)$HistoBridge$left_out, named)
    expect_identical(colnames(y)[1], "s1-1")
})

test_that("cells of a Seurat object cut and sorted by Python likewise", {
    skipWithoutPython()
    skip_if_not_installed("Seurat")
    suppressPackageStartupMessages(loadNamespace("Seurat"))
    cuts <- list(`[::-1]` = 9:1, `[[5, 1, 3, 7]]` = c(6, 2, 4, 8))
    for (kind in c("VisiumV1", "VisiumV2", "field")) {
        x <- if (kind == "field") fieldSeurat() else richSeurat("v5", kind)
        SeuratObject::Idents(x) <- factor(rep(c("u", "v", "u"), 3))
        for (cut in names(cuts)) {
            cells <- colnames(x)[cuts[[cut]]]
            info <- paste(kind, cut)
            y <- suppressWarnings(asSeurat(
                changedBy(x, sprintf("a = a%s.copy()", cut))
            ))
            expect_identical(colnames(y), cells, info = info)
            for (assay in SeuratObject::Assays(x)) {
                for (layer in SeuratObject::Layers(x, assay = assay)) {
                    of <- function(object) {
                        m <- SeuratObject::LayerData(object, layer, assay)
                        m[, intersect(cells, colnames(m)), drop = FALSE]
                    }
                    expect_identical(of(y), of(x), info = paste(info, layer))
                }
            }
            expect_identical(
                SeuratObject::Idents(y)[cells], SeuratObject::Idents(x)[cells]
            )
            image <- names(x@images)
            at <- function(object) {
                table <- SeuratObject::GetTissueCoordinates(object[[image]])
                rownames(table) <- NULL
                table[order(table$cell), c("x", "y", "cell")]
            }
            if (kind != "VisiumV1") {
                expected <- at(x)[at(x)$cell %in% cells, ]
                expect_equal(at(y), expected, ignore_attr = TRUE, info = info)
            }
            expect_equal(
                imageCoords(y[[image]])[cells, ],
                imageCoords(x[[image]])[cells, ], info = info
            )
            nearest <- function(object) {
                near <- object@neighbors$RNA.nn
                cbind(near@cell.names, near@cell.names[near@nn.idx])
            }
            if (cut == "[::-1]" && kind != "field") {
                expect_setequal(
                    apply(nearest(y), 1, toString),
                    apply(nearest(x), 1, toString)
                )
                expect_identical(
                    y@neighbors$RNA.nn@nn.dist,
                    x@neighbors$RNA.nn@nn.dist[9:1, ]
                )
            }
        }
    }
})

test_that("centroids that Python has moved arrive in every class of image", {
    skipWithoutPython()
    skip_if_not_installed("Seurat")
    for (kind in c("VisiumV1", "VisiumV2")) {
        x <- toySeurat(kind)
        y <- asSeurat(
            changedBy(x, "a.obsm['spatial'] = a.obsm['spatial'] + 1")
        )
        expect_equal(
            imageCoords(y[["slice"]]), imageCoords(x[["slice"]]) + 1,
            info = kind
        )
    }
})
