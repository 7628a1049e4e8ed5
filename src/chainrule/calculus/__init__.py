"""Rules, derivations and what can be proved about a function and its derivative."""
