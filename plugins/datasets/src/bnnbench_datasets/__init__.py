"""Data sets and transforms for bnnbench."""
