"""Extrapolation of laws of any predictors: candidates, folds that look like what is asked, weights from these."""
