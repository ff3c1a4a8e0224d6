"""Builders that read a data set; one file per suite."""
