"""The model, its optimizer and schedule, the training of one run, and the exported checkpoint."""
