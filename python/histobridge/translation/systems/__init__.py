"""Translation systems, one file each."""
