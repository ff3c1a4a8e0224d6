"""The theme, and one file a figure."""
