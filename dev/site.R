# The documentation site in site/. Scripts that pkgdown fetches (search, menus
# that hide, buttons to copy) are left out where they can not be reached.
reachable <- tryCatch(
    {
        suppressWarnings(readLines("https://cdnjs.cloudflare.com", n = 1L))
        TRUE
    },
    error = function(e) FALSE
)
if (!reachable) {
    message("site: no network, so the pages come without search")
    options(pkgdown.internet = FALSE)
    fetch <- pkgdown:::cached_dependency
    utils::assignInNamespace("cached_dependency", function(name, version, files) {
        held <- tools::R_user_dir("pkgdown", "cache")
        whole <- file.exists(file.path(held, name, version, basename(vapply(
            files, `[[`, "", "url"
        ))))
        if (all(whole)) fetch(name, version, files)
    }, "pkgdown")
}
pkgdown::build_site(
    preview = FALSE, install = FALSE, devel = FALSE, new_process = FALSE
)
