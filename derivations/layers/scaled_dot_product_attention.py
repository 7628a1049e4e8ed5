"""Scaled dot-product attention: every query takes a weighted mean of the values, weighted by how well the keys match."""

from sympy import Sum, exp, sqrt

from chainrule import Definition, dimension, index, matrix

n, m, d, p = dimension("n"), dimension("m"), dimension("d"), dimension("p")
t, x = index("t", n), index("x", n)
u, w, y = index("u", m), index("w", m), index("y", m)
a, c = index("a", d), index("c", d)
b, e = index("b", p), index("e", p)
Q, K, V = matrix("Q", n, d), matrix("K", m, d), matrix("V", m, p)
S, P = matrix("S", n, m), matrix("P", n, m)
definition = Definition(
    Sum(P[t, u] * V[u, b], u),
    wrt=(Q[x, c], K[y, c], V[y, e]),
    symbol="O",
    index=(t, b),
    where={
        S[t, u]: Sum(Q[t, a] * K[u, a], a) / sqrt(d),
        P[t, u]: exp(S[t, u]) / Sum(exp(S[t, w]), w),
    },
    context="The layer that transformers are named for: n queries, m keys with their values.",
    strengths=(
        "any query can reach any position in one step",
        "forward and backward pass are matrix products and a softmax of rows",
    ),
    limits=("time and memory grow with the product of the numbers of queries and keys",),
    aliases=("sdpa", "attention"),
    source="Vaswani et al., 2017",
)
