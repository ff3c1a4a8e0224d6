"""Release of trained models: folders, model cards, a table of checkpoints, and upload to the hub."""
