"""Methods of explanation, one file each; ``list_systems("explanation")`` lists them."""
