# Matrices on disk <-> backed matrices of an AnnData, on the same file.

# In memory it is the matrix inside; on disk it stays; else blocks are read.
toDelayed <- function(m) {
    pristine <- DelayedArray::isPristine(m, ignore.dimnames = TRUE)
    seed <- if (pristine) DelayedArray::seed(m)
    if (is.matrix(seed) || is(seed, "sparseMatrix")) {
        return(toMatrix(seed))
    }
    switch(diskKind(seed),
        dense = bridge()$backed_dense(seed@filepath, seed@name),
        sparse = bridge()$backed_sparse(
            seed@filepath, seed@group, rev(dim(seed)), diskLayout(seed),
            tempfile("links", fileext = ".h5")
        ),
        toSparse(blockwise(m))
    )
}

# Seeds that show values other than those in the file are not of any kind.
diskKind <- function(seed) {
    dense <- class(seed)[1] %in% c("HDF5ArraySeed", "Dense_H5ADMatrixSeed")
    if (dense && length(dim(seed)) == 2 && is.na(seed@type)) {
        if (is.character(seed@filepath)) "dense" else "remote"
    } else if (is(seed, "H5SparseMatrixSeed") && is.null(seed@subdata)) {
        "sparse"
    } else {
        "none"
    }
}

# Columns of genes x spots are rows of spots x genes.
diskLayout <- function(seed) {
    if (is(seed, "CSC_H5SparseMatrixSeed")) "csr" else "csc"
}

blockwise <- function(m) {
    sparse <- DelayedArray::is_sparse(m)
    grid <- DelayedArray::colAutoGrid(m)
    blocks <- lapply(seq_along(grid), function(i) {
        block <- DelayedArray::read_block(m, grid[[i]], as.sparse = sparse)
        asGeneral(as(unname(block), "CsparseMatrix"))
    })
    do.call(cbind, blocks)
}

fromDisk <- function(value) {
    if (!requireNamespace("HDF5Array", quietly = TRUE)) {
        fail(
            "the package HDF5Array, for matrices that stay on disk",
            "not installed",
            fix = "BiocManager::install(\"HDF5Array\")"
        )
    }
    at <- py_to_r(bridge()$disk_place(value))
    if (at$layout == "dense") {
        return(HDF5Array::HDF5Array(at$path, at$name))
    }
    seed <- HDF5Array::H5SparseMatrixSeed(
        at$path, at$name,
        dim = rev(as.integer(unlist(at$shape))),
        sparse.layout = if (at$layout == "csr") "CSC" else "CSR"
    )
    DelayedArray::DelayedArray(seed)
}

# The class it had in R, where the file still has the layout of that class.
asDiskClass <- function(m, class) {
    seed <- DelayedArray::seed(m)
    name <- if (is(seed, "HDF5ArraySeed")) seed@name else seed@group
    part <- sub("^/(layers/)?", "", name)
    switch(class,
        TENxMatrix = if (!isH5ad(name)) {
            return(HDF5Array::TENxMatrix(seed@filepath, name))
        },
        H5ADMatrix = if (isH5ad(name)) {
            layer <- if (name != "/X") part
            return(HDF5Array::H5ADMatrix(seed@filepath, layer))
        },
        `sparse HDF5Matrix` = if (is(m, "HDF5Matrix")) {
            return(HDF5Array::HDF5Array(seed@filepath, name, as.sparse = TRUE))
        }
    )
    m
}

isH5ad <- function(name) grepl("^/(X|layers/[^/]+)$", name)
