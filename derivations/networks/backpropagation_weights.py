"""Backpropagation to weights and biases: the gradients that a layer is trained with, from its error."""

from sympy import Sum

from chainrule import Definition, dimension, index, matrix, vector

n, m = dimension("n_l_minus_1"), dimension("n_l")
i, r = index("i", m), index("r", m)
j, k = index("j", n), index("k", n)
W, b = matrix("W__l", m, n), vector("b__l", m)
below, z = vector("a__l_minus_1", n), vector("z__l", m)
definition = Definition(
    Sum(W[i, k] * below[k], k) + b[i],
    wrt=(W[r, j], b[r]),
    symbol="z__l",
    index=i,
    adjoints={z: "delta__l"},
    context="The third and the fourth equation: a weight has the error of the unit it leads to times the activation it comes from, a bias the error alone.",
    source="Rumelhart, Hinton and Williams, 1986",
)
