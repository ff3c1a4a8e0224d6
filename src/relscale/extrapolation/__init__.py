"""Extrapolation of any law of any predictors: candidates, folds in the direction of what is asked, and what
they earn."""
