# BiocCheck on a freshly built tarball and on the source tree; fails on errors and
# on warnings. Left out are the checks that ask Bioconductor's servers.
folder <- tempfile("bioccheck")
dir.create(folder)
source_tree <- getwd()
setwd(folder)
stopifnot(system2("R", c("CMD", "build", "--no-build-vignettes", source_tree)) == 0L)
tarball <- normalizePath(Sys.glob("*.tar.gz"))

# Which dependencies are Bioconductor's is looked up in its index. Where that is out
# of reach, an index of the packages that are installed from there stands in for it.
version <- as.character(BiocManager::version())
index <- file.path(folder, "packages", version, "bioc", "src", "contrib")
dir.create(index, recursive = TRUE)
installed <- installed.packages(fields = "biocViews")
ours <- installed[!is.na(installed[, "biocViews"]), c("Package", "Version")]
write.dcf(ours, file.path(index, "PACKAGES"))
options(BioC_mirror = paste0("file://", folder), timeout = 5)

result <- BiocCheck::BiocCheck(
    tarball,
    checkDir = folder,
    `no-check-bioc-help` = TRUE,
    `no-check-CRAN` = TRUE,
    `no-check-deprecated` = TRUE,
    `no-check-remotes` = TRUE,
    `no-check-R-ver` = TRUE
)
# The second call empties the object that the first one returned.
errors <- result$error
warnings <- result$warning
notes <- result$note
result <- BiocCheck::BiocCheckGitClone(source_tree)
errors <- c(errors, result$error)
warnings <- c(warnings, result$warning)
notes <- c(notes, result$note)
# It leaves its notes beside the checkout.
unlink(file.path(dirname(source_tree), "HistoBridge.BiocCheck"), TRUE)

tell <- function(kind, found) {
    for (one in found) message(kind, ": ", paste(unlist(one), collapse = "\n  "))
}
tell("ERROR", errors)
tell("WARNING", warnings)
message(
    length(errors), " errors, ", length(warnings), " warnings, ",
    length(notes), " notes"
)
quit(status = length(errors) + length(warnings) > 0L)
