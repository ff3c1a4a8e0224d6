"""The chart layer (``chart``), and one file per figure."""
