# The same steps typed in R and in Python give the same tables.
pythonTables <- "
import sys
import histobridge as hb
bulb = hb.data.example_bulb()
hb.add_morphology(bulb, ['colour'], cache=False, progress=False)
quiet = {'n_bootstrap': 20, 'progress': False, 'dataset': 'bulb'}
tables = {
    'translation': hb.benchmark_translation(bulb, protocols=['patients'], **quiet),
    'domains': hb.benchmark_domains(bulb, 'layer', seeds=1, **quiet),
    'deconvolution': hb.benchmark_deconvolution(
        hb.data.example_mixture(), hb.data.example_reference(), **quiet
    ),
}
for name, benchmark in tables.items():
    benchmark.table.to_csv(f'{sys.argv[1]}/{name}.csv', index=False)
"

test_that("R and Python give the same tables to 1e-6", {
    skip_if_not(pythonReady())
    folder <- tempfile("tables")
    dir.create(folder)
    script <- file.path(folder, "tables.py")
    writeLines(pythonTables, script)
    old <- Sys.getenv("PYTHONPATH")
    on.exit(Sys.setenv(PYTHONPATH = old))
    Sys.setenv(PYTHONPATH = system.file("python", package = "HistoBridge"))
    status <- system2(reticulate::py_config()$python, c(script, folder))
    expect_identical(status, 0L)

    bulb <- addMorphology(
        exampleBulb(), "colour", cache = FALSE, progress = FALSE
    )
    here <- list(
        translation = benchmarkTranslation(
            bulb, protocols = "patients", nBootstrap = 20L, dataset = "bulb"
        ),
        domains = benchmarkDomains(
            bulb, "layer", seeds = 1L, nBootstrap = 20L, dataset = "bulb"
        ),
        deconvolution = benchmarkDeconvolution(
            exampleMixture(), exampleReference(),
            nBootstrap = 20L, dataset = "bulb"
        )
    )
    for (name in names(here)) {
        ours <- as.data.frame(here[[name]])
        theirs <- utils::read.csv(file.path(folder, paste0(name, ".csv")))
        what <- c("system", "protocol", "fold", "metric")
        expect_identical(ours[what], theirs[what])
        for (number in c("value", "lower", "upper")) {
            expect_equal(
                ours[[number]], theirs[[number]],
                tolerance = 1e-6, info = paste(name, number)
            )
        }
    }
})
