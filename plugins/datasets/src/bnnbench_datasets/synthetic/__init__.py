"""Synthetic families; most come with a known optimum or bound (datasets.md section 6)."""
