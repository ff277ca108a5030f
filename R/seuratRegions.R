# Boundaries and molecules of Seurat's fields of view <-> plain tables.

# The centroids that obsm["spatial"] holds: the first, or those of polygons.
mainPoints <- function(image) {
    name <- mainBoundary(image)
    if (is.null(name)) {
        return(as(image@boundaries[[1]], "Centroids"))
    }
    image@boundaries[[name]]
}

mainBoundary <- function(image) {
    points <- Filter(function(b) is(b, "Centroids"), image@boundaries)
    if (length(points)) names(points)[1]
}

pointsRecord <- function(points) {
    list(
        cells = as.list(SeuratObject::Cells(points)), nsides = points@nsides,
        radius = points@radius, theta = points@theta
    )
}

pointsFrom <- function(record, coords) {
    cells <- as.character(unlist(record$cells))
    SeuratObject::CreateCentroids(
        data.frame(x = coords[, 1], y = coords[, 2], cell = cells),
        nsides = record$nsides, radius = record$radius, theta = record$theta
    )
}

# Boundaries but for the main centroids, molecules, and the order of all.
regionsRecord <- function(image) {
    main <- mainBoundary(image)
    others <- image@boundaries[setdiff(names(image@boundaries), main)]
    others <- Filter(isPlainBoundary, others)
    list(
        main = main, order = as.list(names(image@boundaries)),
        points = if (length(main)) pointsRecord(mainPoints(image)),
        boundaries = lapply(others, boundaryRecord),
        molecules = lapply(image@molecules, function(molecules) {
            list(
                table = SeuratObject::GetTissueCoordinates(molecules),
                key = SeuratObject::Key(molecules)
            )
        })
    )
}

isPlainBoundary <- function(boundary) {
    if (is(boundary, "Centroids")) {
        return(TRUE)
    }
    single <- vapply(boundary@polygons, function(cell) {
        length(cell@Polygons) == 1
    }, TRUE)
    identical(class(boundary)[1], "Segmentation") && all(single)
}

boundaryRecord <- function(boundary) {
    if (is(boundary, "Centroids")) {
        coords <- unname(boundary@coords)
        return(c(list(coords = coords), pointsRecord(boundary)))
    }
    do.call(rbind, lapply(unname(boundary@polygons), function(cell) {
        coords <- cell@Polygons[[1]]@coords
        row <- rownames(coords)
        data.frame(
            x = coords[, 1], y = coords[, 2], cell = cell@ID,
            row = if (is.null(row)) NA_character_ else row, row.names = NULL
        )
    }))
}

boundaryFrom <- function(record) {
    if (!is.data.frame(record)) {
        return(pointsFrom(record, record$coords))
    }
    # The source of a polygon of few points is not ours to warn about.
    made <- suppressWarnings(
        SeuratObject::CreateSegmentation(record[c("x", "y", "cell")])
    )
    rows <- split(record$row, record$cell)
    for (cell in names(made@polygons)) {
        bare <- anyNA(rows[[cell]])
        dimnames(made@polygons[[cell]]@Polygons[[1]]@coords) <- if (!bare) {
            list(rows[[cell]], c("x", "y"))
        }
    }
    made
}

boundariesFrom <- function(record, coords) {
    found <- lapply(record$boundaries, boundaryFrom)
    if (length(record$main)) {
        found[[record$main]] <- pointsFrom(record$points, coords)
    }
    inOrder(found, record$order)
}

# What is noted of a section, but for cells that Python has taken out; nothing
# where none is left.
withoutCells <- function(facts, gone) {
    if (!length(gone)) {
        return(facts)
    }
    facts$coordinates <- facts$coordinates[
        !rownames(facts$coordinates) %in% gone, ,
        drop = FALSE
    ]
    facts$boundaries <- lapply(facts$boundaries, pointsWithout, gone)
    facts$points <- pointsWithout(facts$points, gone)
    left <- c(
        rownames(facts$coordinates), unlist(facts$points$cells),
        unlist(lapply(facts$boundaries, `[[`, "cell"))
    )
    if (length(left)) facts
}

pointsWithout <- function(record, gone) {
    if (is.data.frame(record)) {
        return(record[!record$cell %in% gone, ])
    }
    kept <- !unlist(record$cells) %in% gone
    record$cells <- record$cells[kept]
    if (length(record$coords)) {
        record$coords <- record$coords[kept, , drop = FALSE]
    }
    record
}

moleculesFrom <- function(record) {
    lapply(record$molecules, function(entry) {
        table <- entry$table
        names(table) <- c("x", "y", "gene")
        SeuratObject::CreateMolecules(table, key = entry$key)
    })
}

# Names of what a field of view holds that is no plain table.
oddRegions <- function(image, key) {
    main <- mainBoundary(image)
    others <- image@boundaries[setdiff(names(image@boundaries), main)]
    kept <- vapply(others, isPlainBoundary, TRUE)
    sprintf("boundary %s of image %s", names(others)[!kept], key)
}
