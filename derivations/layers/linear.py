"""Linear layer, one sample: a matrix times a vector, plus a bias."""

from sympy import Sum

from chainrule import Definition, dimension, index, matrix, vector

m, n = dimension("m"), dimension("n")
a, i = index("a", m), index("i", m)
b, k = index("b", n), index("k", n)
W, bias, x = matrix("W", m, n), vector("b", m), vector("x", n)
definition = Definition(
    Sum(W[i, k] * x[k], k) + bias[i],
    wrt=(W[a, b], bias[a], x[b]),
    symbol="z",
    index=i,
    arguments={"W": W, "b": bias, "x": x},
    context="The layer that every network is made of: each output is a weighted sum of all inputs.",
    strengths=("its backward pass is two products with the same matrices",),
    limits=("stacked without an activation between them, linear layers are one linear layer",),
    aliases=("dense", "affine"),
    source="Rosenblatt, 1958; Rumelhart, Hinton and Williams, 1986",
)
