test_that("genes of layers are a DataFrame, the one that Python gives", {
    skipWithoutPython()
    x <- exampleBulb("Rep4")[1:40, ]
    found <- findDomainGenes(x, "layer", draws = 49)
    expect_s4_class(found, "DataFrame")
    expect_identical(nrow(found), 40L * nlevels(x$layer))
    expect_true(all(found$p_value >= 1 / 50 & found$p_value <= 1))
    expect_true(all(is.na(found$pseudobulk_p_value)))
    python <- framed(callPython(
        core()$find_domain_genes, asAnnData(x), "layer",
        draws = 49
    ))
    expect_equal(as.list(found), as.list(python))
    expect_error(findDomainGenes(x, "layer", method = "t"), "expected a method")
})

test_that("domains that were found here are tested on the other half", {
    skipWithoutPython()
    x <- findDomains(exampleBulb("Rep4"), k = 3, system = "nichepca")
    found <- findDomainGenes(x, draws = 49)
    expect_true(all(found$overlap < 1))
    expect_true(all(findDomainGenes(x, thinned = FALSE, draws = 9)$overlap == 1))
    expect_error(findDomainGenes(x, "layer", thinned = TRUE), "find_domains")
})
