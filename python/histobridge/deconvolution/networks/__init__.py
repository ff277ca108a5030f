"""Networks of the deconvolution systems; every module here imports torch."""
