"""Backpropagation through a layer: from the error of one layer to that of the layer below it."""

from sympy import Sum

from chainrule import Definition, any_function, dimension, index, matrix, vector

n, m = dimension("n_l"), dimension("n_l_plus_1")
i, j, k = index("i", m), index("j", n), index("k", n)
f = any_function("f")
W, b = matrix("W__l_plus_1", m, n), vector("b__l_plus_1", m)
z, above = vector("z__l", n), vector("z__l_plus_1", m)
definition = Definition(
    Sum(W[i, k] * f(z[k]), k) + b[i],
    wrt=z[j],
    symbol="z__l_plus_1",
    index=i,
    uses=(f,),
    adjoints={above: "delta__l_plus_1", z: "delta__l"},
    context="The second of the four equations: every unit of layer l reaches the loss through all units of layer l + 1, so its error is a sum over them.",
    source="Rumelhart, Hinton and Williams, 1986",
)
