"""Published checkpoints, by the names and in the layouts of this package."""
