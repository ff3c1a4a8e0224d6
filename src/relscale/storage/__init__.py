"""Files and tables as they are written and read: whole or not at all, and refused where they are damaged."""
