"""Starter configs, written by ``relscale init``."""
