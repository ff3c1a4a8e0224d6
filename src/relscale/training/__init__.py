"""Training of a run: the model, optimizers, schedules and exported checkpoints."""
