"""Questions about trained models and experiments that a command of their own answers."""
