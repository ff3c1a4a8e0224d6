"""The report: one HTML file with the findings, their uncertainty and their provenance."""
