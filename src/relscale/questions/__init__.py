"""Analyses of any table (``relscale ask``): one module each, which defines ``ROW`` and ``rows``."""
