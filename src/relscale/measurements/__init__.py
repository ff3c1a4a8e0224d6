"""The measurement table: its columns and how rows are collected."""
