# BiocCheck on a freshly built tarball and on the source tree; fails on errors.
# Left out are the checks that ask Bioconductor's servers.
folder <- tempfile("bioccheck")
dir.create(folder)
source_tree <- getwd()
setwd(folder)
stopifnot(system2("R", c("CMD", "build", source_tree)) == 0L)
tarball <- normalizePath(Sys.glob("*.tar.gz"))

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
result <- BiocCheck::BiocCheckGitClone(source_tree)
errors <- c(errors, result$error)
# It leaves its notes beside the checkout.
unlink(file.path(dirname(source_tree), "HistoBridge.BiocCheck"), TRUE)

for (error in errors) message("ERROR: ", paste(unlist(error), collapse = "\n  "))
message(length(errors), " errors")
quit(status = length(errors) > 0L)
