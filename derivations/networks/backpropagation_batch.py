"""Backpropagation through a layer for a batch: the same, for all samples at once, in rows."""

from sympy import Sum

from chainrule import Definition, any_function, dimension, index, matrix, vector

m, n, p = dimension("m"), dimension("n_l"), dimension("n_l_plus_1")
r, t = index("g", m), index("h", m)
i, j, k = index("i", p), index("j", n), index("k", n)
f = any_function("f")
W, b = matrix("W__l_plus_1", p, n), vector("b__l_plus_1", p)
Z, above = matrix("Z__l", m, n), matrix("Z__l_plus_1", m, p)
definition = Definition(
    Sum(f(Z[r, k]) * W[i, k], k) + b[i],
    wrt=Z[t, j],
    symbol="Z__l_plus_1",
    index=(r, i),
    uses=(f,),
    adjoints={above: "Delta__l_plus_1", Z: "Delta__l"},
    context="A sample reaches the loss through its own row only, so the batch adds no sum here. The mean over the batch is in the error of the output already: it carries 1/m once.",
    source="Rumelhart, Hinton and Williams, 1986",
)
