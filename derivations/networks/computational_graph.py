"""Computational graph: the smallest example in which a derivative is a sum over two paths."""

from chainrule import Definition, scalar

a, b, c, d = (scalar(name) for name in "abcd")
definition = Definition(
    c * d,
    wrt=(a, b),
    symbol="e",
    where={c: a + b, d: b + 1},
    context="b reaches e through c and through d, so its derivative has one term for each path. Reverse accumulation finds the derivatives by a and by b in one pass.",
    strengths=("every sum over paths, however large, is found by passing each edge once",),
    limits=("forward accumulation needs one pass for each input, and a sum over paths one product for each path",),
    source="Linnainmaa, 1970; Griewank and Walther, Evaluating Derivatives, 2008",
)
