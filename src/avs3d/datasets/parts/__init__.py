"""What several datasets share; the datasets themselves are the modules of the folder above."""
