"""The results of a fit in words, and compared with published answers."""
