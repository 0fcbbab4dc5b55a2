"""What a person looks at: the picture of a scan."""
