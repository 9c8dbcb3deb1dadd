"""Benchmarks: what the project promises in figures, measured again by one command each.

No part of the package; `make bench` runs them, their results are kept in `results/` and `docs/`.
"""
