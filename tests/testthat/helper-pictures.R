# Pictures in files as arrays of rows x columns x 3 between 0 and 1, and back, by
# the Python that every test has anyway.
readPicture <- function(path) {
    core()
    picture <- reticulate::import("PIL.Image")$open(path)$convert("RGB")
    reticulate::import("numpy")$asarray(picture) / 255
}

writeWhite <- function(path, width, height) {
    core()
    size <- reticulate::tuple(as.integer(width), as.integer(height))
    reticulate::import("PIL.Image")$new("RGB", size, "white")$save(path)
}
