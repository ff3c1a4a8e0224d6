"""What a fit found, in words, and beside published answers."""
