"""Backpropagation at the output for a batch: the mean over the samples gives the error its factor 1/m, once."""

from sympy import Sum

from chainrule import Definition, any_function, dimension, index, matrix

m, n = dimension("m"), dimension("n_M")
g, h = index("g", m), index("h", m)
k, j = index("k", n), index("j", n)
f = any_function("f")
G, Z = matrix("G", m, n), matrix("Z__M", m, n)
definition = Definition(
    Sum(Sum(G[g, k] * f(Z[g, k]), k), g) / m,
    wrt=Z[h, j],
    symbol="J",
    uses=(f,),
    arguments={"gradient": G, "Z": Z},
    context="A row of G is the gradient of the loss of one sample by the outputs of the network, so to first order that loss is its product with the outputs; J is the mean of the losses.",
    source="Rumelhart, Hinton and Williams, 1986",
)
