"""Published tables that need more than other names for their columns: one file per table, found by its name.

Each defines ``load(path) -> pa.Table``, whose columns are columns of the measurement table; those that it leaves out
come from the config's ``constants``, or their defaults.
"""
