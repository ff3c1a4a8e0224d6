"""An experiment: its config, checks, paths and results."""
