"""Trained models as others can use them: folders, model cards, a table of checkpoints, and the way to the hub."""
