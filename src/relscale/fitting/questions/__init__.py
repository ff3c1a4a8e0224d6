"""Questions that people ask of curves, each answered in rows of a table."""
