"""Analyses of trained models and finished experiments, each with its own command."""
