"""Hand-over of objects between R and Python."""
