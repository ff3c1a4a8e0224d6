"""Estimation: one minimiser for every law, loss and error; many problems and starting points at once."""
