"""Cross-entropy after softmax with a class index: the loss of a classifier from its logits and the number of the true class."""

from sympy import Sum, exp, log

from chainrule import Definition, dimension, index, vector

K = dimension("K")
c, i, j, k = index("c", K), index("i", K), index("j", K), index("k", K)
z, s = vector("z", K), vector("s", K)
definition = Definition(
    -log(s[c]),
    wrt=z[j],
    where={s[i]: exp(z[i]) / Sum(exp(z[k]), k)},
    routes={"logarithm of the quotient first": "expand logarithms"},
    arguments={"logits": z, "label": c},
    context="The loss of language models and image classifiers, whose targets are stored as class numbers.",
    strengths=(
        "the target takes one integer, however many classes there are",
        "the gradient is the error of the prediction",
    ),
    limits=("a target that is a distribution needs the form with a vector",),
    aliases=("cross_entropy_index", "softmax_cross_entropy_with_integer_labels"),
    source="Bridle, 1990",
)
