"""An experiment: its config, the checks of it, where its files are, and its results."""
