"""Item response theory: abilities of models and difficulty of benchmark items."""
