"""Estimation, intervals and the compute-optimal frontier."""
