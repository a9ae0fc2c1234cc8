"""CSV files of a million rows, written while they are read."""
