"""LogSumExp: the logarithm of a sum of exponentials, a smooth maximum."""

from sympy import Sum, exp, log

from chainrule import Definition, dimension, index, vector

K = dimension("K")
i, j, k = index("i", K), index("j", K), index("k", K)
z, s = vector("z", K), vector("s", K)
definition = Definition(
    log(Sum(exp(z[k]), k)),
    wrt=z[j],
    symbol="f",
    where={s[i]: exp(z[i]) / Sum(exp(z[k]), k)},
    context="The log-normaliser of every softmax, and a smooth stand-in for the maximum: it lies between max z and max z + log K.",
    strengths=("smooth and convex", "its gradient is the softmax"),
    limits=("the exponentials overflow unless the largest score is subtracted first",),
    source="Boltzmann, 1877, as the logarithm of a partition function",
)
