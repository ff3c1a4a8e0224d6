"""The verdict on each gap: closes, widens, crosses, flat, or not resolved."""
