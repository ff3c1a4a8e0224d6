"""Configs to start from: what ``relscale init`` writes."""
