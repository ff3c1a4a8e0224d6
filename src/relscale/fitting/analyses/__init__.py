"""Analyses beyond a law's fit: one file each, with its options, its rows and its function (see `registry`)."""
