"""The semantic tree of a formula: its nodes, its value, its printers, its way from and to SymPy."""
