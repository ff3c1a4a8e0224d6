"""Estimation, intervals, forecasts and the answers to what is asked of curves."""
