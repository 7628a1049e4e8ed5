"""Backpropagation to weights and biases for a batch: summed over the samples, with an L2 penalty that leaves the biases out."""

from sympy import Interval, Sum, oo

from chainrule import Definition, dimension, index, matrix, scalar, vector

m, n, p = dimension("m"), dimension("n_l_minus_1"), dimension("n_l")
decay = scalar("lambda")
r = index("h", m)
i, q = index("i", p), index("q", p)
j, k = index("j", n), index("k", n)
W, b = matrix("W__l", p, n), vector("b__l", p)
A, Z, Delta = matrix("A__l_minus_1", m, n), matrix("Z__l", m, p), matrix("Delta__l", m, p)
definition = Definition(
    Sum(Sum(Delta[r, i] * Z[r, i], i), r) + decay / (2 * m) * Sum(Sum(W[i, k] ** 2, k), i),
    wrt=(W[q, j], b[q]),
    symbol="J",
    where={Z[r, i]: Sum(A[r, k] * W[i, k], k) + b[i]},
    domain={decay: Interval(0, oo)},
    parameters={decay: 0.01},
    arguments={"W": W, "b": b, "A": A, "error": Delta, "decay": decay},
    context="The error of the layer is the gradient of the mean loss with respect to Z, so to first order the loss is its product with Z; to that the penalty on the weights is added.",
    source="Rumelhart, Hinton and Williams, 1986; Krogh and Hertz, 1992",
)
