"""Kullback-Leibler divergence: how far the distribution q is from the target p, in nats."""

from sympy import Interval, Sum, log

from chainrule import Definition, dimension, index, vector

K = dimension("K")
j, k = index("j", K), index("k", K)
p, q = vector("p", K), vector("q", K)
definition = Definition(
    Sum(p[k] * log(p[k] / q[k]), k),
    wrt=(q[j], p[j]),
    arguments={"prediction": q, "target": p},
    domain={p: Interval.Lopen(0, 1), q: Interval.Lopen(0, 1)},
    context="The loss of distillation and of variational inference; for a fixed target it differs from the cross-entropy by a constant.",
    strengths=("0 exactly where the two agree",),
    limits=("not symmetric: swapping p and q gives another loss", "infinite where q is 0 and p is not"),
    aliases=("kl_divergence_probs", "relative_entropy"),
    source="Kullback and Leibler, 1951",
)
