"""Log-softmax: a vector of scores turned into log-probabilities."""

from sympy import Sum, exp, log

from chainrule import Definition, dimension, index, vector

K = dimension("K")
i, j, k = index("i", K), index("j", K), index("k", K)
z, s = vector("z", K), vector("s", K)
definition = Definition(
    z[i] - log(Sum(exp(z[k]), k)),
    wrt=z[j],
    symbol="ell",
    index=i,
    where={s[i]: exp(z[i]) / Sum(exp(z[k]), k)},
    context="What a classifier is trained on and what language models report: the cross-entropy of a class is minus its entry.",
    strengths=("it keeps the digits that a softmax loses once a probability is close to 0",),
    limits=("unbounded below: the entry of an impossible class goes to minus infinity",),
    source="Bridle, 1990",
)
