"""The endings of tables that can be written."""

TABLE_ENDINGS = (".parquet", ".csv")
