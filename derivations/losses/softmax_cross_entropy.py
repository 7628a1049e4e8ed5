"""Cross-entropy after softmax: the loss of a classifier with K classes, from its logits."""

from sympy import Sum, exp, log

from chainrule import Definition, dimension, index, one_hot, vector

K = dimension("K")
i, j, k = index("i", K), index("j", K), index("k", K)
z, y, s = vector("z", K), one_hot("y", K), vector("s", K)
definition = Definition(
    -Sum(y[k] * log(s[k]), k),
    wrt=z[j],
    where={s[i]: exp(z[i]) / Sum(exp(z[k]), k)},
    routes={"logarithm of the quotient first": "expand logarithms"},
    arguments={"logits": z, "target": y},
    context="The loss of almost every classifier, and of language models token by token. The target is one-hot, or any weights that sum to 1.",
    strengths=(
        "a wrong prediction gets a large gradient, however saturated the softmax is",
        "the gradient is the error of the prediction",
    ),
    limits=("the softmax has to be computed inside the loss, from logits, to keep its digits",),
    aliases=("cross_entropy_onehot", "categorical_cross_entropy_with_logits"),
    source="Bridle, 1990",
)
