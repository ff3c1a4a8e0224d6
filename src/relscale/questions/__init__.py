"""Questions that are asked of any table: one module each, which defines ``ROW`` and ``rows``."""
