"""Cross-entropy of probabilities with a class index: minus the logarithm of the probability of class c."""

from sympy import Interval, log

from chainrule import Definition, dimension, index, vector

K = dimension("K")
c, j = index("c", K), index("j", K)
p = vector("p", K)
definition = Definition(
    -log(p[c]),
    wrt=p[j],
    arguments={"probabilities": p, "label": c},
    domain={p: Interval.Lopen(0, 1)},
    context="The cross-entropy of a classifier whose target is the number of a class instead of a vector.",
    strengths=("the target takes one integer, however many classes there are",),
    limits=("its gradient grows without bound as the probability of the class goes to 0: prefer the loss from logits",),
    source="Shannon, 1948",
)
