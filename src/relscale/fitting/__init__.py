"""Estimation, intervals, forecasts and analyses of curves."""
