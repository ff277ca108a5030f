"""Image-blind and other baselines, registered like systems."""
