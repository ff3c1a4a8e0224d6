"""Slopes, intervals and p-values of lines in logs; the relative law among them."""
