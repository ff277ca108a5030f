# Line coverage of the R package by its tests: a table of files, and a row of
# dev/benchmarks/results/coverage.csv.
path <- "dev/benchmarks/results/coverage.csv"
coverage <- covr::package_coverage(".", type = "tests", quiet = FALSE)
lines <- covr::tally_coverage(coverage, by = "line")
by <- tapply(lines$value > 0, lines$filename, mean)
print(round(100 * sort(by), 1))

row <- data.frame(
    language = "R",
    lines = nrow(lines),
    covered = sum(lines$value > 0),
    percent = sprintf("%.1f", 100 * mean(lines$value > 0)),
    date = format(Sys.Date()),
    version = read.dcf("DESCRIPTION", "Version")[[1]]
)
others <- if (file.exists(path)) read.csv(path, colClasses = "character")
others <- others[others$language != row$language, ]
write.csv(rbind(others, row), path, row.names = FALSE, quote = FALSE)
