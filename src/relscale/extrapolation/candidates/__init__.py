"""Candidates, one file per kind: a file defines ``candidates(known)`` and is found by being here."""
