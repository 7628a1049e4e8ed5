"""Straight-line code as loops that Numba compiles: everything between two calls of an elementary function of NumPy is one loop, and what it
computes on the way stays in registers. The same operations on the same numbers, so the same results, to the last bit."""
