"""Published scaling laws, each reproduced from a public table: one module per paper that defines ``ENTRY``."""
