"""The measurement table, the waist of the hourglass: its columns and how rows are collected."""
