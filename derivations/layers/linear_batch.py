"""Linear layer, a batch: one matrix product for all samples, in rows."""

from sympy import Sum

from chainrule import Definition, dimension, index, matrix, vector

N, m, n = dimension("N"), dimension("m"), dimension("n")
r, t = index("r", N), index("t", N)
a, i = index("a", m), index("i", m)
b, k = index("b", n), index("k", n)
X, W, bias = matrix("X", N, n), matrix("W", m, n), vector("b", m)
definition = Definition(
    Sum(X[r, k] * W[i, k], k) + bias[i],
    wrt=(W[a, b], bias[a], X[t, b]),
    symbol="Z",
    index=(r, i),
    arguments={"W": W, "b": bias, "X": X},
    context="The linear layer as libraries run it: N samples in the rows of X share the weights, so their gradients add up.",
    strengths=("three matrix products make forward and backward pass",),
    limits=("the gradient by the weights is a sum over the batch: a mean loss has to carry its 1/N itself",),
    source="Rumelhart, Hinton and Williams, 1986",
)
