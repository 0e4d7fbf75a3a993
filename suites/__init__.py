"""Suites as ``NAME.toml``, and beside them the modules that run them under asv."""
