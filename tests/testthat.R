library(testthat)
library(HistoBridge)

test_check("HistoBridge")
