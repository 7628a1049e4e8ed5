"""Verified functions with their derivatives. Needs NumPy only. Generated."""
