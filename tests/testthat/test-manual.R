# Aliases and code of every page of the manual; comments are not run.
manualPages <- function() {
    lapply(tools::Rd_db("HistoBridge"), function(page) {
        tags <- vapply(page, attr, "", "Rd_tag")
        code <- capture.output(tools::Rd2ex(page, commentDontrun = TRUE))
        list(
            aliases = vapply(page[tags == "\\alias"], paste, "", collapse = ""),
            returns = "\\value" %in% tags,
            code = grep("^ *#", code, value = TRUE, invert = TRUE)
        )
    })
}

test_that("every export has a value and is called in its example", {
    pages <- manualPages()
    # Not the tables of S4, which the namespace exports as well.
    exports <- getNamespaceExports("HistoBridge")
    exports <- grep("^\\.__", exports, value = TRUE, invert = TRUE)
    expect_gt(length(exports), 70)
    owed <- lapply(exports, function(name) {
        methods <- paste0("^\\Q", name, "\\E(,.*-method)?$")
        page <- Filter(function(p) any(grepl(methods, p$aliases)), pages)
        if (!length(page)) {
            return(paste0(name, ": a page"))
        }
        called <- vapply(page, function(p) {
            bare <- sub("<-", "", name, fixed = TRUE)
            any(grepl(paste0("\\b", bare, "\\b"), p$code))
        }, NA)
        returns <- vapply(page, function(p) p$returns, NA)
        lacks <- c("a value", "an example")[!c(any(returns), any(called))]
        sprintf("%s: %s", name, lacks)
    })
    expect_identical(as.character(unlist(owed)), character())
})
