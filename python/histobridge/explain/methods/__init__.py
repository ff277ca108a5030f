"""Methods of explanation, one file each; ``systems("explanation")`` lists them."""
