"""The endings of tables that can be written."""

CHANGES_NO_NUMBER = "names of files"

TABLE_ENDINGS = (".parquet", ".csv")
