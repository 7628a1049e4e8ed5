"""Mean squared error: the average of the squared errors of a vector of predictions."""

from sympy import Sum

from chainrule import Definition, dimension, index, vector

K = dimension("K")
j, k = index("j", K), index("k", K)
prediction, target = vector("y_hat", K), vector("y", K)
definition = Definition(
    Sum((prediction[k] - target[k]) ** 2, k) / K,
    wrt=prediction[j],
    arguments={"prediction": prediction, "target": target},
    context="The loss of least squares and of regression in general, over the K components of one prediction.",
    strengths=("smooth, and its gradient grows with the error",),
    limits=("one outlier can dominate the sum of all other errors",),
    source="Legendre, 1805; Gauss, 1809",
)
