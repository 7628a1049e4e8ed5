"""Softmin: the softmax of the negated scores, so that the smallest score gets the largest share."""

from sympy import Sum, exp

from chainrule import Definition, dimension, index, vector

K = dimension("K")
i, j, k = index("i", K), index("j", K), index("k", K)
z = vector("z", K)
definition = Definition(
    exp(-z[i]) / Sum(exp(-z[k]), k),
    wrt=z[j],
    symbol="s",
    index=i,
    context="Turns distances into weights: the nearest neighbour, prototype or cluster centre gets the largest.",
    strengths=("its values can be read as probabilities",),
    limits=("it saturates when one distance is far below the others",),
    source="Bridle, 1990",
)
