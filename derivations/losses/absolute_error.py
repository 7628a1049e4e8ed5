"""Absolute error: the distance to the target."""

from sympy import Abs

from chainrule import Definition, scalar

prediction, target = scalar("y_hat"), scalar("y")
definition = Definition(
    Abs(prediction - target),
    wrt=prediction,
    arguments={"prediction": prediction, "target": target},
    plot_at={target: 0.0},
    plot_range=(-3, 3),
    at_kink={"PyTorch": "0", "Keras on JAX": "−1", "Keras on PyTorch": "0", "JAX's abs": "1"},
    context="Regression where outliers should not dominate: its minimum over a constant prediction is the median.",
    strengths=("every error pulls with the same force, so outliers do not dominate",),
    limits=("its gradient does not shrink near the target, so plain gradient descent overshoots back and forth",),
    aliases=("l1", "mae", "mean_absolute_error"),
    source="Boscovich, 1757; Laplace, 1774",
)
