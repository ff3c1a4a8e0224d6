"""Reading and writing of files and tables: atomic writes, and detection of damage."""
