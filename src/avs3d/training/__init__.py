"""Training: the networks of a bundle, from simulated scans."""
