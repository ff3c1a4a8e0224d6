"""Damaged and hostile data at every door."""
