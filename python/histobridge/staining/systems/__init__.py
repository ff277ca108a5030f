"""One file per virtual stain."""
