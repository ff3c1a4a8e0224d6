"""The evaluation engine, the suites and the scores of items."""
