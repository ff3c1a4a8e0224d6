"""Forecasts that know their distance: candidates, rolling origins, weights and widths that come from them alone."""
