"""Resampling: what is drawn, what limits the draws give, and the lines and frontiers fitted to them."""
