"""Laws fitted to a table of one's own, without an experiment."""
