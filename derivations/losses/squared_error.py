"""Squared error: the distance to the target, squared."""

from chainrule import Definition, scalar

prediction, target = scalar("y_hat"), scalar("y")
definition = Definition(
    (prediction - target) ** 2,
    wrt=prediction,
    arguments={"prediction": prediction, "target": target},
    plot_at={target: 0.0},
    plot_range=(-3, 3),
    context="The loss of least squares and of regression in general. It is the negative log-likelihood of a normal distribution, up to scale.",
    strengths=("smooth, and its gradient grows with the error",),
    limits=("one outlier can dominate the sum of all other errors",),
    aliases=("mse",),
    source="Legendre, 1805; Gauss, 1809",
)
