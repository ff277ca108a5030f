"""Networks of the integration systems; every module here imports torch."""
