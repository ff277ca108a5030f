# Images of a Seurat object <-> uns["spatial"], obsm["spatial"] and the record.

# Until Seurat 5.4, VisiumV2 called the image row "x"; since then it says which.
isTurned <- function(image) {
    is(image, "VisiumV2") && !identical(orientationOf(image), "horizontal")
}

orientationOf <- function(image) {
    if (.hasSlot(image, "coords_x_orientation")) {
        as.character(image@coords_x_orientation)
    }
}

imageCoords <- function(image) {
    if (.hasSlot(image, "coordinates")) {
        table <- image@coordinates
        columns <- intersect(c("imagerow", "imagecol", "x", "y"), names(table))
        return(asXY(table[, columns[c(1, 2)]]))
    }
    points <- mainPoints(image)
    axes <- if (isTurned(image)) c(2L, 1L) else c(1L, 2L)
    coords <- points@coords[, axes, drop = FALSE]
    dimnames(coords) <- list(SeuratObject::Cells(points), c("x", "y"))
    coords
}

isKnownImage <- function(image) {
    .hasSlot(image, "boundaries") || is(image, "VisiumV1")
}

sectionRecord <- function(image) {
    facts <- list(
        class = if (is(image, "VisiumV2")) "VisiumV2" else class(image)[1],
        key = SeuratObject::Key(image),
        assay = SeuratObject::DefaultAssay(image)
    )
    if (.hasSlot(image, "scale.factors")) {
        facts$scale <- unclass(image@scale.factors)
    }
    if (.hasSlot(image, "coordinates")) {
        facts$coordinates <- image@coordinates
        facts$radius <- image@spot.radius
        return(facts)
    }
    facts$orientation <- orientationOf(image)
    c(facts, regionsRecord(image))
}

oddSections <- function(x) {
    unlist(lapply(SeuratObject::Images(x), function(key) {
        image <- x[[key]]
        c(
            if (.hasSlot(image, "boundaries")) oddRegions(image, key),
            if (!isKnownImage(image)) {
                sprintf("class %s of image %s", class(image)[1], key)
            }
        )
    }))
}

addSections <- function(x, adata, uns, record) {
    if (!has(adata, "obsm", "spatial")) {
        return(x)
    }
    coords <- fromArray(bridge()$get(adata, "obsm", "spatial"), "F")
    rownames(coords) <- colnames(x)
    libraries <- if (length(uns$spatial)) pyItems(uns$spatial)
    known <- record$images
    if (is.null(known)) {
        known <- newSections(x, libraries)
    }
    gone <- setdiff(names(record$idents), colnames(x))
    for (key in names(known)) {
        facts <- withoutCells(known[[key]], gone)
        picture <- if (length(libraries[[key]])) {
            pictureFrom(libraries[[key]], facts$image)
        }
        if (!is.null(facts)) {
            x[[key]] <- sectionFrom(facts, coords, picture)
        }
    }
    x
}

# Seurat keeps (row, column, channel) between 0 and 1.
pictureFrom <- function(library, image = NULL) {
    images <- pyItems(library)$images
    images <- if (length(images)) pyItems(images)
    ids <- c(image, "lowres", usableImages(library))
    id <- intersect(ids, names(images))[1]
    if (!is.na(id)) {
        pixels <- fromArray(bridge()$loaded(images[[id]]), "F")
        pixels[, , seq_len(3), drop = FALSE] / 255
    }
}

sectionFrom <- function(facts, coords, picture) {
    factors <- if (length(facts$scale)) {
        structure(facts$scale, class = "scalefactors")
    }
    if (facts$class == "VisiumV1") {
        return(new("VisiumV1",
            image = picture, scale.factors = factors,
            coordinates = coordinatesNow(facts$coordinates, coords),
            spot.radius = facts$radius,
            assay = facts$assay, key = facts$key
        ))
    }
    cells <- as.character(unlist(facts$points$cells))
    # Python may have removed the picture.
    visium <- facts$class == "VisiumV2" && !is.null(picture)
    orientation <- if (visium) orientationNow(facts)
    axes <- if (identical(orientation, "vertical")) c(2L, 1L) else c(1L, 2L)
    regions <- list(
        boundaries = boundariesFrom(facts, coords[cells, axes, drop = FALSE]),
        molecules = moleculesFrom(facts),
        assay = facts$assay, key = facts$key
    )
    if (!visium) {
        return(do.call(new, c("FOV", regions)))
    }
    image <- do.call(new, c(
        "VisiumV2", list(image = picture, scale.factors = factors), regions
    ))
    if (.hasSlot(image, "coords_x_orientation")) {
        image@coords_x_orientation <- orientation
    }
    image
}

coordinatesNow <- function(table, coords) {
    coords <- coords[rownames(table), , drop = FALSE]
    table$imagecol <- asMode(unname(coords[, 1]), typeof(table$imagecol))
    table$imagerow <- asMode(unname(coords[, 2]), typeof(table$imagerow))
    table
}

# As recorded, if this Seurat has a place to say so.
orientationNow <- function(facts) {
    if (!"coords_x_orientation" %in% methods::slotNames("VisiumV2")) {
        return("vertical")
    }
    c(facts$orientation, "horizontal")[1]
}

# Sections that Seurat did not make: VisiumV2 where there is a picture with its
# scale, else a field of view.
newSections <- function(x, libraries) {
    samples <- sectionLabels(x@meta.data, names(libraries))
    keys <- unique(samples[!is.na(samples)])
    made <- lapply(keys, function(key) {
        cells <- colnames(x)[samples %in% key]
        newSection(cells, libraries[[key]], SeuratObject::DefaultAssay(x), key)
    })
    stats::setNames(made, keys)
}

sectionLabels <- function(cells, libraries) {
    if ("sample_id" %in% names(cells)) {
        return(as.character(cells$sample_id))
    }
    rep(if (length(libraries) == 1) libraries else "slice", nrow(cells))
}

newSection <- function(cells, library, assay, key) {
    image <- if (length(library)) usableImages(library)[1] else NA
    visium <- !is.na(image) && requireNamespace("Seurat", quietly = TRUE)
    facts <- list(
        class = if (visium) "VisiumV2" else "FOV", key = seuratKey(key),
        assay = assay, main = "centroids",
        points = list(cells = as.list(cells), nsides = Inf, theta = 0)
    )
    if (!visium) {
        return(facts)
    }
    scale <- py_to_r(pyItems(library)$scalefactors)
    factor <- function(name) c(scale[[name]], NA_real_)[1]
    facts$image <- image
    # Seurat draws every picture by the factor of the low-resolution one.
    facts$scale <- list(
        spot = factor("spot_diameter_fullres"),
        fiducial = factor("fiducial_diameter_fullres"),
        hires = factor("tissue_hires_scalef"),
        lowres = factor(sprintf("tissue_%s_scalef", image))
    )
    # Without a diameter Seurat takes a part of the width of the section.
    facts$points$radius <- if (!is.na(facts$scale$spot)) facts$scale$spot
    facts
}

# Images with a scale factor, the low-resolution one first.
usableImages <- function(library) {
    parts <- pyItems(library)
    ids <- if (length(parts$images)) names(pyItems(parts$images))
    scale <- if (length(parts$scalefactors)) {
        names(pyItems(parts$scalefactors))
    }
    ids <- ids[sprintf("tissue_%s_scalef", ids) %in% scale]
    ids <- ids[!vapply(ids, function(id) {
        py_to_r(bridge()$is_remote(pyItems(parts$images)[[id]]))
    }, TRUE)]
    c(intersect("lowres", ids), setdiff(ids, "lowres"))
}

# Seurat keeps one picture per section.
sectionMisfits <- function(adata) {
    uns <- entries(adata, "uns")
    libraries <- if (length(uns$spatial)) pyItems(uns$spatial)
    placed <- has(adata, "obsm", "spatial")
    unlist(lapply(names(libraries), function(key) {
        images <- pyItems(libraries[[key]])$images
        ids <- if (length(images)) names(pyItems(images))
        kept <- if (placed) usableImages(libraries[[key]])[1]
        sprintf("image %s of section %s", setdiff(ids, kept), key)
    }))
}
