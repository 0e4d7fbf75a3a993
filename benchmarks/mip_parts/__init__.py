"""Parts of ``benchmarks/mip.py``."""
