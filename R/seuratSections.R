# uns["spatial"] and obsm["spatial"] -> images of a Seurat object.

addSections <- function(x, adata, uns, record) {
    if (!length(record$images)) {
        return(x)
    }
    coords <- fromArray(bridge()$get(adata, "obsm", "spatial"), "F")
    rownames(coords) <- colnames(x)
    libraries <- if (length(uns$spatial)) pyItems(uns$spatial)
    for (key in names(record$images)) {
        facts <- record$images[[key]]
        picture <- if (!is.null(libraries[[key]])) {
            pictureFrom(libraries[[key]])
        }
        x[[key]] <- sectionFrom(facts, coords, picture)
    }
    x
}

# Seurat keeps (row, column, channel) between 0 and 1.
pictureFrom <- function(library) {
    images <- pyItems(library)$images
    pixels <- pyItems(images)$lowres
    if (!is.null(pixels)) fromArray(pixels, "F") / 255
}

sectionFrom <- function(facts, coords, picture) {
    factors <- if (length(facts$scale)) {
        structure(facts$scale, class = "scalefactors")
    }
    if (facts$class == "VisiumV1") {
        return(new("VisiumV1",
            image = picture, scale.factors = factors,
            coordinates = facts$coordinates, spot.radius = facts$radius,
            assay = facts$assay, key = facts$key
        ))
    }
    points <- centroidsFrom(facts, coords)
    boundaries <- stats::setNames(list(points), facts$boundary)
    if (facts$class != "VisiumV2") {
        return(SeuratObject::CreateFOV(
            points,
            type = "centroids", name = facts$boundary,
            assay = facts$assay, key = facts$key
        ))
    }
    image <- new("VisiumV2",
        image = picture, scale.factors = factors, boundaries = boundaries,
        assay = facts$assay, key = facts$key
    )
    if (length(facts$orientation)) {
        image@coords_x_orientation <- facts$orientation
    }
    image
}

# VisiumV2 called the image row "x" before it said which.
centroidsFrom <- function(facts, coords) {
    cells <- unlist(facts$cells)
    table <- coords[cells, 1:2, drop = FALSE]
    turned <- facts$class == "VisiumV2" &&
        !identical(facts$orientation, "horizontal")
    if (turned) {
        table <- table[, 2:1, drop = FALSE]
    }
    table <- data.frame(x = table[, 1], y = table[, 2], cell = cells)
    SeuratObject::CreateCentroids(
        table,
        nsides = facts$nsides, radius = facts$radius, theta = facts$theta
    )
}
