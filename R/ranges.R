# GRanges and GRangesList <-> plain lists; mcols of rowRanges are rowData and
# travel as such, those of the ranges inside a list travel here.

fromRanges <- function(ranges) {
    if (is(ranges, "GRangesList")) {
        inner <- unlist(ranges, use.names = FALSE)
        return(dropNull(list(
            lengths = unname(lengths(ranges)), names = names(ranges),
            inner = fromRanges(inner), mcols = mcols(ranges, use.names = FALSE)
        )))
    }
    info <- GenomeInfoDb::seqinfo(ranges)
    dropNull(list(
        seqnames = as.factor(GenomeInfoDb::seqnames(ranges)),
        start = BiocGenerics::start(ranges),
        width = BiocGenerics::width(ranges),
        strand = as.factor(BiocGenerics::strand(ranges)),
        names = names(ranges),
        mcols = mcols(ranges, use.names = FALSE),
        seqinfo = list(
            names = GenomeInfoDb::seqnames(info),
            lengths = unname(GenomeInfoDb::seqlengths(info)),
            circular = unname(GenomeInfoDb::isCircular(info)),
            genome = unname(GenomeInfoDb::genome(info))
        )
    ))
}

dropNull <- function(values) Filter(Negate(is.null), values)

toRanges <- function(parts) {
    if (!is.null(parts$lengths)) {
        ends <- cumsum(parts$lengths)
        ranges <- BiocGenerics::relist(
            toRanges(parts$inner),
            IRanges::PartitioningByEnd(ends, names = parts$names)
        )
        mcols(ranges) <- parts$mcols
        return(ranges)
    }
    info <- parts$seqinfo
    ranges <- GenomicRanges::GRanges(
        parts$seqnames,
        IRanges::IRanges(parts$start, width = parts$width, names = parts$names),
        parts$strand,
        seqinfo = GenomeInfoDb::Seqinfo(
            as.character(info$names), as.integer(info$lengths),
            as.logical(info$circular), as.character(info$genome)
        )
    )
    mcols(ranges) <- parts$mcols
    ranges
}

# An experiment without ranges has a list of empty ones.
realRanges <- function(x) {
    if (!is(x, "RangedSummarizedExperiment")) {
        return(NULL)
    }
    ranges <- SummarizedExperiment::rowRanges(x)
    mcols(ranges) <- NULL
    empty <- is(ranges, "GRangesList") && !sum(lengths(ranges))
    if (!empty) ranges
}
