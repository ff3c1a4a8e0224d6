"""Vocabulary and token store."""
