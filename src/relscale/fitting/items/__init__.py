"""Single items of a benchmark: how able models are and how hard items."""
