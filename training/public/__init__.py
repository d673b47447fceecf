"""Public data sets: where their files lie, and their readers."""
