"""The report: one HTML file that says what was found, how sure it is, and how it was made."""
