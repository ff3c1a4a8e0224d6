"""Forecasts beyond the data: candidates, rolling origins, and weights and widths from their errors."""
