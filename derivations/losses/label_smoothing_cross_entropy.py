"""Cross-entropy after softmax with label smoothing: a little of the target is shared among all classes."""

from sympy import Interval, Sum, exp, log

from chainrule import Definition, dimension, index, one_hot, scalar, vector

K, epsilon = dimension("K"), scalar("epsilon")
i, j, k = index("i", K), index("j", K), index("k", K)
z, y, s, smooth = vector("z", K), one_hot("y", K), vector("s", K), vector("y_tilde", K)
definition = Definition(
    -Sum(smooth[k] * log(s[k]), k),
    wrt=z[j],
    where={smooth[i]: (1 - epsilon) * y[i] + epsilon / K, s[i]: exp(z[i]) / Sum(exp(z[k]), k)},
    arguments={"logits": z, "target": y},
    parameters={epsilon: 0.1},
    domain={epsilon: Interval(0, 1)},
    context="The loss of Inception and of most translation models: the smoothed target keeps the logits from growing without bound.",
    strengths=("predictions stay calibrated", "the best logits are finite"),
    limits=("its minimum is the entropy of the smoothed target, not 0",),
    source="Szegedy et al., 2016",
)
