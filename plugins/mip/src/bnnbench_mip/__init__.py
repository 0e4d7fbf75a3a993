"""MIP formulations and solvers for bnnbench."""
