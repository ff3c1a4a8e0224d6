"""Estimation: one minimiser for all laws, losses and residuals, vectorised over data sets and starting points."""
