"""What people say of a view: words for every category, what is worth a mention, sentences."""
