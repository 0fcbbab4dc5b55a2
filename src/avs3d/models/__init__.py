"""The networks: modules only, no files and no commands."""
