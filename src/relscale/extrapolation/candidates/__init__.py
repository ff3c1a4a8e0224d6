"""Candidates, one file per kind; each file defines ``candidates(known)``."""
