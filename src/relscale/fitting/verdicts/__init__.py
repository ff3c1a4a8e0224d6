"""What is said of each gap: closes, widens, crosses, is flat, or is not resolved."""
