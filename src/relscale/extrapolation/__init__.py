"""Extrapolation by laws of any predictors: candidates, folds that resemble the extrapolation, weights from these."""
