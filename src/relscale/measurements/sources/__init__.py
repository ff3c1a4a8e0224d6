"""Published tables that need more than renamed columns: one file per table, found by its name.

Each defines ``load(path) -> pa.Table``, whose columns are columns of the measurement table; missing columns
are filled from the config's ``constants`` or by default.
"""
