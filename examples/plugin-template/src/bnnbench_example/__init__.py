"""A plugin for bnnbench; see :mod:`bnnbench_example.plugin` for what it offers."""
