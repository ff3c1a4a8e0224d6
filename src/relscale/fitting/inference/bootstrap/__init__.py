"""Bootstrap: schemes, limits, and the lines and frontiers fitted to the draws."""
