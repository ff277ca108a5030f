"""Resolution systems, one file each."""
