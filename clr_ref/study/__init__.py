"""Studies: the same training with many seeds, and what the differences between its arms show."""
