# Generated objects: every type of column, class of matrix, missing value, size
# and number of samples; then what of each part comes back. dev/roundtrips.R
# writes the table of the manual by the same code that tests it.

columnTypes <- function(n, missing) {
    v <- list(
        logical = c(TRUE, FALSE), integer = c(1L, -.Machine$integer.max),
        double = c(0.1, -Inf, NaN, 5e-324),
        character = c("a", "", "NA", "\u00e9"),
        factor = factor(c("\u00e9", "a"), c("b", "a", "\u00e9")),
        ordered = factor(c("low", "high"), c("low", "high"), ordered = TRUE),
        date = as.Date(c("1969-12-31", "2100-01-01")), wholeDate = .Date(0:1),
        time = as.POSIXct(c(-1.5, 1.7e9 + 0.1234567), tz = "Europe/Berlin"),
        wholeTime = .POSIXct(1:2, tz = "UTC"), local = .POSIXct(c(1, 2)),
        rle = S4Vectors::Rle(c(1L, 1L, 2L))
    )
    lapply(v, function(column) {
        column <- rep(column, length.out = n)
        step <- c(none = n + 1, some = 3, all = 1)[[missing]]
        gone <- which(seq_len(n) %% step == 0)
        # Assigning to an integer Date makes doubles of it.
        if (length(gone)) column[gone] <- NA
        if (n == 7 && !is(column, "Rle")) {
            names(column) <- sprintf("sp\u00f6t-%d", 1:7)
        }
        column
    })
}

generatedExperiment <- function(n, missing, samples) {
    genes <- min(n, 5)
    spots <- sprintf("sp\u00f6t-%d", seq_len(n))
    names <- list(sprintf("gene_%d", seq_len(genes)), spots)
    counts <- matrix(seq_len(genes * n) %% 4, genes, dimnames = names)
    sparse <- as(as(counts, "CsparseMatrix"), "generalMatrix")
    column <- S4Vectors::DataFrame(columnTypes(n, missing), row.names = spots)
    column$sample_id <- sprintf("s%d", seq_len(n) %% samples)
    x <- SpatialExperiment(
        list(
            counts = sparse, dense = counts + 0.5, whole = counts > 1,
            rows = as(sparse, "RsparseMatrix")
        ),
        colData = column,
        rowData = S4Vectors::DataFrame(
            columnTypes(genes, missing),
            row.names = names[[1]]
        ),
        spatialCoords = cbind(x = seq_len(n) / 3, y = rev(seq_len(n)) / 7)
    )
    if (n > 0) {
        imgData(x) <- generatedImages(unique(x$sample_id))
    }
    generatedParts(x)
}

generatedImages <- function(samples) {
    one <- function(sample) {
        S4Vectors::DataFrame(
            sample_id = sample, image_id = c("hires", "lowres", "slide"),
            data = I(list(
                SpatialImage(toyRaster(5, 3)), SpatialImage(toyPicture()),
                SpatialImage("https://example.org/slide.png", is.url = TRUE)
            )),
            scaleFactor = c(0.5, 0.25, NA)
        )
    }
    do.call(rbind, lapply(samples, one))
}

generatedParts <- function(x) {
    n <- ncol(x)
    loadings <- matrix(
        seq_len(2 * nrow(x)) / 3, ncol = 2,
        dimnames = list(rownames(x), c("A", "B"))
    )
    reducedDim(x, "PCA") <- matrix(seq_len(2 * n) / 3, n)
    if (n > 0) {
        reducedDim(x, "LEM") <- SingleCellExperiment::LinearEmbeddingMatrix(
            matrix(seq_len(2 * n) / 9, n), loadings,
            S4Vectors::DataFrame(sd = 2:1), list(k = 2L)
        )
        SingleCellExperiment::colPair(x, "near") <- S4Vectors::SelfHits(
            seq_len(n), rev(seq_len(n)), n,
            w = seq_len(n) / 2
        )
    }
    inner <- SingleCellExperiment(list(counts = assay(x, "counts")))
    altExp(inner, "deeper", withDimnames = FALSE) <-
        SummarizedExperiment::SummarizedExperiment(
            list(counts = assay(x, "dense"))
        )
    altExp(x, "tags", withDimnames = FALSE) <- inner
    S4Vectors::metadata(x) <- list(
        deep = list(k = 1L, none = NULL, text = c("a", NA)),
        table = data.frame(f = factor("\u00e9")), empty = list()
    )
    x
}

experimentParts <- list(
    `assays` = function(x) as.list(assays(x)), colData = colData,
    rowData = function(x) rowData(x),
    rowRanges = function(x) SummarizedExperiment::rowRanges(x),
    reducedDims = function(x) as.list(reducedDims(x)),
    colPairs = function(x) as.list(SingleCellExperiment::colPairs(x)),
    rowPairs = function(x) as.list(SingleCellExperiment::rowPairs(x)),
    altExps = function(x) as.list(altExps(x)),
    mainExpName = SingleCellExperiment::mainExpName,
    metadata = function(x) S4Vectors::metadata(x)
)

spatialParts <- c(experimentParts, list(
    spatialCoords = spatialCoords, imgData = imgData
))

seuratParts <- list(
    assays = function(x) x@assays, graphs = function(x) x@graphs,
    neighbours = function(x) x@neighbors, images = function(x) x@images,
    reductions = function(x) x@reductions, cells = function(x) x@meta.data,
    identities = function(x) x@active.ident, misc = function(x) x@misc,
    default = SeuratObject::DefaultAssay, project = function(x) x@project.name
)

anndataParts <- c(
    "X", "obs", "var", "layers", "obsm", "varm", "obsp", "varp", "uns"
)

generatedSizes <- function() {
    data.frame(
        n = c(0, 1, 1, 7, 7, 7), samples = c(1, 1, 1, 1, 3, 3),
        missing = c("none", "none", "all", "none", "some", "all")
    )
}

generatedObjects <- function() {
    sizes <- generatedSizes()
    Map(generatedExperiment, sizes$n, sizes$missing, sizes$samples)
}

# Rows of the table for one route: how many objects came back identical.
comparedParts <- function(objects, route, class, there, parts) {
    back <- lapply(objects, there)
    found <- vapply(parts, function(part) {
        sum(unlist(Map(
            function(x, y) identical(part(x), part(y)), objects, back
        )))
    }, 0)
    data.frame(
        part = names(parts), route = route, class = class,
        objects = length(objects),
        result = ifelse(found == length(objects), "identical",
            sprintf("differs in %d", length(objects) - found)
        )
    )
}

experimentRows <- function() {
    spatial <- generatedObjects()
    single <- lapply(spatial[4:6], as, "SingleCellExperiment")
    rbind(
        comparedParts(
            spatial, "R to AnnData to R",
            "SpatialExperiment", function(x) asExperiment(asAnnData(x)),
            spatialParts
        ),
        comparedParts(
            single, "R to AnnData to R", "SingleCellExperiment",
            function(x) asExperiment(asAnnData(x), "SingleCellExperiment"),
            experimentParts
        )
    )
}

seuratRows <- function() {
    objects <- list(
        richSeurat("v3", "VisiumV1"), richSeurat("v3"),
        richSeurat("v5", "VisiumV1"), richSeurat("v5"), fieldSeurat()
    )
    comparedParts(
        objects, "R to AnnData to R", "Seurat",
        function(x) asSeurat(asAnnData(x)), seuratParts
    )
}

# An AnnData that carries no record of R, through R and back.
anndataRows <- function() {
    objects <- lapply(generatedObjects()[c(1, 3, 5)], function(x) {
        # R keeps what is sparse by columns of genes, Python's CSR.
        assay(x, "rows") <- NULL
        adata <- asAnnData(x)
        adata$uns <- without(adata, c("r_object", "altExps"))
        adata
    })
    differences <- reticulate::import(
        "histobridge.interop.differences",
        convert = FALSE
    )
    found <- lapply(objects, function(adata) {
        back <- asAnnData(asExperiment(adata))
        back$uns <- without(back, "r_object")
        vapply(anndataParts, function(part) {
            py_to_r(differences$same(
                differences$plain_part(adata[[part]]),
                differences$plain_part(back[[part]])
            ))
        }, TRUE)
    })
    count <- Reduce(`+`, found)
    data.frame(
        part = anndataParts, route = "AnnData to R to AnnData",
        class = "SpatialExperiment", objects = length(objects),
        result = ifelse(count == length(objects), "identical",
            sprintf("differs in %d", length(objects) - count)
        ), row.names = NULL
    )
}

without <- function(adata, keys) {
    uns <- entries(adata, "uns")
    pyDict(uns[setdiff(names(uns), keys)])
}

# What has no place raises, naming it.
refusals <- function() {
    base <- toySpe()
    listed <- twice <- bare <- functions <- level <- base
    listed$parts <- as.list(seq_len(ncol(base)))
    colnames(twice)[2] <- colnames(twice)[1]
    colnames(bare) <- NULL
    S4Vectors::metadata(functions)$fit <- sum
    level$f <- factor(c("a", NA, "b"), exclude = NULL)
    list(
        `list column` = listed, `repeated names` = twice, `no names` = bare,
        `function in metadata` = functions, `missing level` = level
    )
}

refusalRows <- function() {
    rbind(
        refused(refusals(), asAnnData, "R to AnnData", "SpatialExperiment"),
        refused(
            foreignRefusals(), asExperiment, "AnnData to R", "SpatialExperiment"
        )
    )
}

foreignRefusals <- function() {
    reticulate::py_run_string(paste(
        "import anndata, numpy as np",
        "def plain(): return anndata.AnnData(np.ones((2, 2)))",
        "with_raw, with_object, with_texts = plain(), plain(), plain()",
        "with_raw.raw = with_raw",
        "with_object.uns['model'] = object()",
        "with_texts.obs['mixed'] = [1, 'a']",
        sep = "\n"
    ), convert = FALSE)
    main <- reticulate::import_main(convert = FALSE)
    list(
        raw = main$with_raw, `object in uns` = main$with_object,
        `column of several types` = main$with_texts
    )
}

refused <- function(objects, convert, route, class) {
    text <- vapply(objects, function(x) {
        tryCatch(
            {
                convert(x)
                "carried"
            },
            error = function(e) paste("error:", conditionMessage(e))
        )
    }, "")
    # Python's errors come with a traceback; the first line is the refusal.
    text <- sub("(error: )(.*ContractError: )?([^\n]*).*", "\\1\\3", text)
    data.frame(
        part = names(objects), route = route, class = class, objects = 1L,
        result = unname(text)
    )
}

roundTripTable <- function() {
    table <- rbind(experimentRows(), seuratRows(), anndataRows(), refusalRows())
    rownames(table) <- NULL
    table
}

readRoundTrips <- function() {
    read.csv(system.file("extdata/roundtrips.csv", package = "HistoBridge"))
}
