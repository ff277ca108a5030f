# Writes inst/extdata/roundtrips.csv, the table of ?asAnnData that says what
# comes back, with the generators of the tests; then run roxygen2::roxygenise().
suppressPackageStartupMessages({
    library(HistoBridge)
    loadNamespace("Seurat")
})
helpers <- new.env(parent = asNamespace("HistoBridge"))
for (name in c("objects", "seurat", "roundtrips")) {
    sys.source(sprintf("tests/testthat/helper-%s.R", name), helpers)
}
write.csv(
    helpers$roundTripTable(), "inst/extdata/roundtrips.csv",
    row.names = FALSE
)
