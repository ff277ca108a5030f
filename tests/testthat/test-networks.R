describedBulb <- function(n) {
    addMorphology(exampleBulb("Rep4")[, seq_len(n)], "colour", cache = FALSE)
}

test_that("a network of patches and one of features are trained from R", {
    skipWithoutPython()
    x <- describedBulb(60)
    for (system in c("histogene", "merge")) {
        given <- list(scale = 1 / 64, epochs = 1, seed = 2)
        if (system == "histogene") given$pixels <- 16
        train <- function() {
            do.call(trainTranslation, c(
                list(x, system = system, genes = 5), given
            ))
        }
        model <- train()
        expect_identical(modelSettings(model)$system, system)
        found <- predictExpression(x, model)
        expect_identical(dim(altExp(found, "predicted")), c(5L, 60L))
        again <- predictExpression(x, train())
        expect_identical(
            assay(altExp(found, "predicted")),
            assay(altExp(again, "predicted"))
        )
        path <- saveModel(model, tempfile())
        expect_identical(
            assay(altExp(predictExpression(x, loadModel(path)), "predicted")),
            assay(altExp(found, "predicted"))
        )
    }
})

test_that("options of networks are refused and listed by name", {
    skipWithoutPython()
    x <- describedBulb(30)
    expect_error(
        trainTranslation(x, system = "hist2st", wings = 2),
        "parameters of hist2st; found .*wings.*scale, epochs"
    )
    expect_error(
        trainTranslation(x, system = "hist2st", scale = 2),
        "a scale above 0 and up to 1"
    )
})

test_that("stains are normalised from R", {
    skipWithoutPython()
    x <- exampleBulb("Rep9")[, 1:12]
    plain <- addMorphology(x, "colour", cache = FALSE)
    normal <- addMorphology(x, "colour", stain = "macenko", cache = FALSE)
    expect_false(identical(
        reducedDim(plain, "morphology"), reducedDim(normal, "morphology")
    ))
    expect_error(
        addMorphology(x, "colour", stain = "magic"),
        "the name of a stain normaliser"
    )
})
