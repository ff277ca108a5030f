"""Deconvolution systems, one file each."""
