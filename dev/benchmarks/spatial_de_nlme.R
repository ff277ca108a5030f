# Distance of testSpatialDE from nlme::gls, exact and by Vecchia's approximation;
# spatial_de.py reads what is printed.
suppressPackageStartupMessages(library(HistoBridge))
x <- exampleBulb("Rep4")
depth <- colSums(as.matrix(assay(x)))
x <- x[, depth > 0]
genes <- names(sort(-rowSums(as.matrix(assay(x)))))[1:20]
values <- log1p(1e4 * sweep(
    as.matrix(assay(x))[genes, ], 2, depth[depth > 0], "/"
))
place <- spatialCoords(x) * micronsPerPixel(x)[[1]]
inside <- as.numeric(x$layer == "Granular cell layer")
compare <- function(found) {
    away <- vapply(genes, function(gene) {
        frame <- data.frame(
            y = values[gene, ], u = place[, 1], v = place[, 2], inside = inside
        )
        own <- found[gene, ]
        # Its likelihood has several maxima: it starts from ours, free to leave.
        theirs <- nlme::gls(y ~ inside, frame,
            correlation = nlme::corExp(
                c(own$range, own$nugget), form = ~ u + v, nugget = TRUE
            ),
            method = "REML", control = nlme::glsControl(opt = "optim")
        )
        slope <- unname(stats::coef(theirs)[2])
        z <- slope / sqrt(stats::vcov(theirs)[2, 2])
        c(abs(own$estimate - slope), abs(own$statistic - z))
    }, numeric(2))
    apply(away, 1, max)
}
exact <- compare(testSpatialDE(
    x, "layer", "Granular cell layer", genes = genes
))
sparse <- compare(testSpatialDE(
    x, "layer", "Granular cell layer", genes = genes, exact = 10L
))
cat(sprintf(
    "%s %.3g\n",
    c("|beta-nlme|", "|z-nlme|", "|beta-nlme|,vecchia", "|z-nlme|,vecchia"),
    c(exact, sparse)
), sep = "")
