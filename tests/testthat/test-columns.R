# Every type with no, some and all values missing, and of length zero.
types <- list(
    logical = c(TRUE, FALSE, TRUE),
    integer = c(1L, -2L, .Machine$integer.max),
    double = c(0.5, -Inf, 1e300),
    character = c("a", "", "\u00e9"),
    factor = factor(c("b", "a", "b"), c("b", "a", "unused")),
    ordered = factor(c("low", "high", "low"), c("low", "high"), ordered = TRUE),
    date = as.Date(c("1969-12-31", "2024-02-29", "2100-01-01")),
    time = as.POSIXct(c(-1.5, 0, 1.7e9), tz = "Europe/Berlin"),
    text = c("NA", "NaN", "None")
)

missings <- list(
    none = function(v) v,
    some = function(v) {
        v[2] <- NA
        v
    },
    all = function(v) {
        v[] <- NA
        v
    },
    empty = function(v) v[0]
)

for (type in names(types)) {
    for (missing in names(missings)) {
        test_that(paste("a column survives:", type, missing, "NA"), {
            skipWithoutPython()
            v <- missings[[missing]](types[[type]])
            frame <- toFrame(list(v = v), as.character(seq_along(v)))
            series <- bridge()$nth(frame, 0L)
            gone <- reticulate::py_to_r(series$isna()$to_numpy())
            expect_identical(as.vector(gone), as.vector(is.na(v)))
            expect_identical(fromColumn(series), v)
        })
    }
}

test_that("NaN and NA of doubles stay apart", {
    skipWithoutPython()
    back <- fromColumn(bridge()$nth(
        toFrame(list(v = c(1, NaN, NA)), c("a", "b", "c")), 0L
    ))
    expect_identical(is.nan(back), c(FALSE, TRUE, FALSE))
    expect_identical(is.na(back), c(FALSE, TRUE, TRUE))
})

test_that("pandas sees the dtypes it has for missing values", {
    skipWithoutPython()
    dtype <- function(v) {
        frame <- toFrame(list(v = v), seq_along(v))
        as.character(bridge()$nth(frame, 0L)$dtype)
    }
    expect_identical(dtype(c(1L, NA)), "Int32")
    expect_identical(dtype(1:2), "int32")
    expect_identical(dtype(c(TRUE, NA)), "boolean")
    expect_identical(dtype(factor(c("a", NA))), "category")
    expect_identical(dtype(c("a", NA)), "object")
})

test_that("a single row, Rle and AsIs columns are columns", {
    skipWithoutPython()
    columns <- list(one = "a", rle = S4Vectors::Rle(3L), asis = I(2.5))
    back <- fromFrame(toFrame(columns, "s1"))
    expect_identical(back$one, "a")
    expect_identical(back$rle, 3L)
    expect_identical(back$asis, 2.5)
})

test_that("a list column is refused by name, or left out", {
    skipWithoutPython()
    x <- exampleMixture()
    x$parts <- as.list(seq_len(ncol(x)))
    expect_error(
        asAnnData(x),
        "expected a vector or factor in column \"parts\"; found class list",
        fixed = TRUE
    )
    kept <- asAnnData(x, strict = FALSE)
    expect_identical(keysOf(kept)$obs, c("n_cells", "sample_id"))
})
