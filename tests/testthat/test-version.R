test_that("R and Python have one version", {
    skipWithoutPython()
    expect_identical(
        as.character(packageVersion("HistoBridge")),
        py_to_r(core()$`__version__`)
    )
})

test_that("pyproject.toml has the same version and dependencies", {
    file <- file.path("..", "..", "pyproject.toml")
    skip_if_not(file.exists(file), "not in a checkout")
    lines <- readLines(file)
    version <- grep("^version = ", lines, value = TRUE)
    expect_identical(
        version, sprintf("version = \"%s\"", packageVersion("HistoBridge"))
    )
    start <- grep("^dependencies = ", lines)
    end <- start + which(lines[-seq_len(start)] == "]")[1]
    declared <- gsub("[\", ]*$|^ *\"", "", lines[(start + 1):(end - 1)])
    expect_identical(declared, pythonPackages)
})
