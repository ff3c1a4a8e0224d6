"""Text summaries of a fit, and comparison with published numbers."""
