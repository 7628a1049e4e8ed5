"""What generated functions stand on: arguments, dtypes, axes, and the few functions that NumPy lacks. NumPy and the standard library only."""
