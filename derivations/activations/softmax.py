"""Softmax: a vector of scores turned into probabilities."""

from sympy import Sum, exp

from chainrule import Definition, dimension, index, vector

K = dimension("K")
i, j, k = index("i", K), index("j", K), index("k", K)
z = vector("z", K)
definition = Definition(
    exp(z[i]) / Sum(exp(z[k]), k),
    wrt=z[j],
    symbol="s",
    index=i,
    context="The output of a classifier with K classes and the weights of an attention layer.",
    strengths=("its values can be read as probabilities", "its Jacobian comes from its own value"),
    limits=(
        "the exponentials overflow unless the largest score is subtracted first",
        "it saturates when one score leads by far",
    ),
    source="Bridle, 1990",
)
