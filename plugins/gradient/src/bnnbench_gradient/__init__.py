"""Gradient baselines for bnnbench."""
