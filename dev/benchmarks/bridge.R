# Time and memory of the bridge -> results/bridge.csv
#
# Every case runs five times, in turn with its peer, and the medians are
# compared; memory is measured apart, as the growth of the peak of the process
# (VmHWM, reset through /proc/self/clear_refs) above what it held before.
# Matrices of 1e9 non-zeros (12 GB) are beyond the machines this runs on.
suppressPackageStartupMessages({
    library(HistoBridge)
    library(Matrix)
})
seed <- 1L
set.seed(seed)
runs <- 5

status <- function(key) {
    line <- grep(key, readLines("/proc/self/status"), value = TRUE)
    as.numeric(gsub("[^0-9]", "", line)) * 1024
}

elapsed <- function(f) {
    gc()
    start <- proc.time()[["elapsed"]]
    value <- f()
    proc.time()[["elapsed"]] - start
}

extraBytes <- function(f) {
    gc()
    cat("5", file = "/proc/self/clear_refs")
    before <- status("VmRSS")
    value <- f()
    max(0, status("VmHWM") - before)
}

# Limits: seconds, ratio to the peer, extra memory in percent of the matrix.
case <- function(name, f, bytes, peer = NULL, peerName = "", seconds = Inf,
                ratio = Inf, memory = Inf) {
    times <- lapply(seq_len(runs), function(i) {
        c(ours = elapsed(f), peer = if (length(peer)) elapsed(peer) else NA)
    })
    times <- apply(do.call(rbind, times), 2, stats::median)
    extra <- extraBytes(f)
    percent <- 100 * extra / bytes
    limits <- c(seconds = seconds, ratio = ratio, memory = memory)
    found <- c(times[["ours"]], times[["ours"]] / times[["peer"]], percent)
    known <- is.finite(limits)
    units <- c("at most %g s", "at most %g x peer", "at most %g %% memory")
    row <- data.frame(
        case = name, matrix_mb = round(bytes / 1e6), seconds = found[1],
        peer = peerName, peer_seconds = times[["peer"]], ratio = found[2],
        extra_mb = extra / 1e6, extra_memory_percent = percent,
        target = paste(sprintf(units[known], limits[known]), collapse = ", "),
        met = all(found[known] <= limits[known])
    )
    print(row, digits = 3)
    row
}

# Sorted genes in every spot; values that are counts.
counts <- function(genes, spots, perSpot) {
    step <- genes %/% perSpot
    first <- step * (seq_len(perSpot) - 1L)
    shifts <- sample.int(step, perSpot, TRUE) - 1L
    new("dgCMatrix",
        i = rep(first + shifts, spots),
        p = seq(0L, by = perSpot, length.out = spots + 1L),
        x = rep(1 + stats::rpois(perSpot, 1), spots), Dim = c(genes, spots),
        Dimnames = list(
            sprintf("gene%d", seq_len(genes)), sprintf("spot%d", seq_len(spots))
        )
    )
}

asSpe <- function(m) {
    spots <- ncol(m)
    SpatialExperiment(
        list(counts = m),
        colData = S4Vectors::DataFrame(
            sample_id = rep_len(c("a", "b"), spots),
            layer = factor(rep_len(1:6, spots)), depth = stats::runif(spots)
        ),
        spatialCoords = cbind(x = stats::runif(spots), y = stats::runif(spots))
    )
}

bytesOf <- function(m) as.numeric(object.size(m))

commonRoute <- function(m) reticulate::r_to_py(m)$T$tocsr()

toPython <- function(label, m) {
    x <- asSpe(m)
    case(
        paste("asAnnData,", label), function() asAnnData(x), bytesOf(m),
        function() commonRoute(m), "r_to_py(dgCMatrix), transposed to CSR",
        seconds = 0.3, memory = 5
    )
}

# What memcpy takes in R's own memory: a changed duplicate of each vector.
copies <- function(vectors) {
    lapply(vectors, function(v) {
        v[1] <- v[1]
        v
    })
}

backToR <- function(label, adata, vectors, bytes) {
    peer <- function() copies(vectors)
    rbind(
        case(
            paste("matrix back to R,", label),
            function() HistoBridge:::fromSpots(adata$X), bytes, peer,
            "memcpy of the same values in R", ratio = 1.5
        ),
        case(
            paste("asExperiment,", label), function() asExperiment(adata),
            bytes, peer, "memcpy of the same values in R", ratio = 1.5
        )
    )
}

denseBack <- function() {
    anndata <- reticulate::import("anndata", convert = FALSE)
    numpy <- reticulate::import("numpy", convert = FALSE)
    values <- numpy$random$default_rng(seed)$random(c(5000L, 10000L))
    backToR(
        "dense 10,000 x 5,000", anndata$AnnData(values),
        list(stats::runif(5e7)), 4e8
    )
}

sparseBack <- function(m) {
    backToR(
        "18,000 x 20,000 with 30M non-zeros", asAnnData(asSpe(m)),
        list(m@x, m@i, m@p), bytesOf(m)
    )
}

# Written in blocks of spots, so that the whole is never in memory.
onDisk <- function(genes, spots, perSpot, block = 5000L) {
    path <- tempfile(fileext = ".h5")
    sink <- HDF5Array::TENxRealizationSink(
        c(genes, spots), type = "double", filepath = path, group = "matrix",
        level = 1
    )
    part <- as(unname(counts(genes, block, perSpot)), "SVT_SparseMatrix")
    for (start in seq(1L, spots, by = block)) {
        ranges <- IRanges::IRanges(c(1L, start), width = c(genes, block))
        viewport <- S4Arrays::ArrayViewport(c(genes, spots), ranges)
        sink <- DelayedArray::write_block(sink, viewport, part)
    }
    DelayedArray::close(sink)
    as(sink, "DelayedArray")
}

disk <- function(spots, genes = 20000L, perSpot = 500L) {
    m <- onDisk(genes, spots, perSpot)
    x <- SpatialExperiment(
        list(counts = m), spatialCoords = matrix(stats::runif(2 * spots), spots)
    )
    rownames(x) <- sprintf("gene%d", seq_len(genes))
    colnames(x) <- sprintf("spot%d", seq_len(spots))
    adata <- asAnnData(x)
    bytes <- 12 * as.numeric(perSpot) * spots
    label <- sprintf("HDF5-backed 20,000 x %s", format(spots, big.mark = ","))
    rbind(
        case(
            paste("asAnnData,", label), function() asAnnData(x), bytes,
            memory = 5
        ),
        case(
            paste("asExperiment,", label), function() asExperiment(adata),
            bytes, memory = 5
        )
    )
}

versions <- function() {
    packages <- c("HistoBridge", "reticulate", "Matrix", "HDF5Array")
    found <- vapply(packages, function(p) format(utils::packageVersion(p)), "")
    metadata <- reticulate::import("importlib.metadata")
    modules <- c("anndata", "scipy", "numpy")
    paste(
        c(sprintf("R %s", getRversion()), paste(packages, found), paste(
            modules, vapply(modules, metadata$version, "")
        )),
        collapse = "; "
    )
}

invisible(asExperiment(asAnnData(asSpe(counts(100L, 100L, 10L)))))
small <- counts(18000L, 20000L, 1500L)
rows <- list(
    toPython("18,000 x 20,000 with 30M non-zeros", small), sparseBack(small)
)
rm(small)
rows <- c(rows, list(denseBack()))
rows <- c(rows, lapply(c(25000L, 50000L, 100000L), disk))
rows <- c(rows, list(toPython(
    "20,000 x 20,000 with 200M non-zeros", counts(20000L, 20000L, 10000L)
)))
table <- cbind(
    do.call(rbind, rows),
    runs = runs, seed = seed, route = bridgeRoute(), date = format(Sys.Date()),
    versions = versions()
)
numeric <- vapply(table, is.double, TRUE)
table[numeric] <- lapply(table[numeric], signif, 4)
utils::write.csv(table, "dev/benchmarks/results/bridge.csv", row.names = FALSE)
message("wrote results/bridge.csv")
