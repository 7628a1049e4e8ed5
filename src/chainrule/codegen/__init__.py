"""From a formula and its derivatives to a readable NumPy module that is accurate everywhere."""
