"""Generated code as loops that Numba compiles: what NumPy's calls go through memory for, again and again, stays in registers.

`statements` reads what a block of code computes, `ranges` and `contraction` make less of it, `plan` arranges it as loops and calls, `texts` writes
these with the tests of `domains`, `compiler` compiles and keeps them, `kernels` runs them, and `sharing` lets threads do so; `elements`, `elementary`,
`exponential`, `gates` and `single_gates` are what is done to single numbers, `programs`, `extended`, `pairs` and `twice` for more digits, `rows` with
`row_terms`, `short_rows`, `long_rows` and `row_functions` for functions of vectors."""
