# The main job on real tissue: what a user could have typed.
# Run with `make demo`, or `Rscript dev/demo.R` where HistoBridge is installed.
suppressPackageStartupMessages(library(HistoBridge))

folder <- "histobridge-demo"
dir.create(folder, showWarnings = FALSE)

# Two sections of mouse olfactory bulb from two animals, with H&E and layer labels
bulb <- exampleBulb()
print(bulb)

# Describe the tissue around every spot, in microns
bulb <- addMorphology(bulb, c("colour", "texture", "efficientnet-lite0"))

# Learn expression from the image of one animal, predict the other
known <- bulb[, bulb$patient == "animal A"]
unseen <- bulb[, bulb$patient == "animal D"]
model <- trainTranslation(known)
unseen <- predictExpression(unseen, model)
print(altExp(unseen, "predicted"))

# Layers without labels
unseen <- findDomains(unseen, k = 5)
print(table(unseen$domain, unseen$layer))

# Cell types of spots whose proportions are known
mixture <- deconvolve(exampleMixture(), exampleReference())
print(altExp(mixture, "proportions"))

# Every score beside what a predictor that never saw the image gets
scores <- list(
    translation = benchmarkTranslation(bulb, dataset = "bulb"),
    domains = benchmarkDomains(bulb, "layer", dataset = "bulb"),
    deconvolution = benchmarkDeconvolution(
        exampleMixture(), exampleReference(), dataset = "mixture"
    )
)
for (name in names(scores)) {
    cat("\n", name, "\n", sep = "")
    show(scores[[name]])
    write.csv(
        as.data.frame(scores[[name]]), file.path(folder, paste0(name, ".csv")),
        row.names = FALSE
    )
}

# One file with pictures, scores and the leak audit
path <- writeReport(
    c(scores, list("unseen animal" = unseen, mixture = mixture)),
    file.path(folder, "report.html"),
    truth = "layer", title = "HistoBridge demo"
)
cat("\nReport:", normalizePath(path), "\n")
