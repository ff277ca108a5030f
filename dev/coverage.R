# Line coverage of the R package by its tests, as a table of files.
coverage <- covr::package_coverage(".", type = "tests", quiet = FALSE)
percents <- covr::tally_coverage(coverage, by = "line")
by <- tapply(percents$value > 0, percents$filename, mean)
print(round(100 * sort(by), 1))
cat(sprintf("R lines covered: %.1f %%\n", covr::percent_coverage(coverage)))
