"""QUBO formulations and samplers for bnnbench."""
