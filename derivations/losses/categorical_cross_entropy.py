"""Cross-entropy of probabilities: the cost of predicting p where the target is y."""

from sympy import Interval, Sum, log

from chainrule import Definition, dimension, index, one_hot, vector

K = dimension("K")
j, k = index("j", K), index("k", K)
p, y = vector("p", K), one_hot("y", K)
definition = Definition(
    -Sum(y[k] * log(p[k]), k),
    wrt=p[j],
    arguments={"probabilities": p, "target": y},
    domain={p: Interval.Lopen(0, 1)},
    context="The loss of a classifier whose output is a vector of probabilities, and the negative log-likelihood of the target.",
    strengths=("a confident wrong prediction costs without bound",),
    limits=(
        "its gradient grows without bound as the probability of the target goes to 0: prefer the loss from logits",
    ),
    aliases=("cross_entropy", "categorical_cross_entropy_probs"),
    source="Shannon, 1948",
)
