"""The evaluation engine, the suites and the scores of single items."""
