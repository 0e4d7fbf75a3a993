"""Heuristics and reality checks for bnnbench."""
