"""Integration systems, one file each."""
