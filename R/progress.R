# What the core calls after every job: TRUE becomes a line with the time left.
asProgress <- function(progress, label) {
    tell <- if (isTRUE(progress)) progressLine(label) else progress
    if (!is.function(tell)) {
        return(tell)
    }
    function(done, total) {
        tell(asNumber(done), asNumber(total))
        invisible(NULL)
    }
}

# Python may hand over its own integers.
asNumber <- function(n) as.integer(if (is.numeric(n)) n else py_to_r(n))

progressLine <- function(label) {
    started <- proc.time()[["elapsed"]]
    function(done, total) {
        passed <- proc.time()[["elapsed"]] - started
        left <- asClock(passed / done * (total - done))
        message(
            sprintf("\r%s: %d of %d jobs, %s left ", label, done, total, left),
            appendLF = done == total
        )
    }
}

asClock <- function(seconds) {
    s <- as.integer(round(seconds))
    sprintf("%d:%02d:%02d", s %/% 3600L, s %/% 60L %% 60L, s %% 60L)
}
