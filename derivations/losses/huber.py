"""Huber loss: squared error near the target, absolute error away from it."""

from sympy import Abs, Interval, Piecewise, oo

from chainrule import Definition, scalar

prediction, target, delta = scalar("y_hat"), scalar("y"), scalar("delta")
error = prediction - target
definition = Definition(
    Piecewise((error**2 / 2, Abs(error) <= delta), (delta * (Abs(error) - delta / 2), True)),
    wrt=prediction,
    arguments={"prediction": prediction, "target": target},
    parameters={delta: 1.0},
    domain={delta: Interval.open(0, oo)},
    plot_at={target: 0.0},
    plot_range=(-3, 3),
    at_kink={"PyTorch": "±δ", "JAX (optax)": "±δ", "Keras": "±δ"},
    context="Robust regression, and the error of Q-learning: its gradient is the error, clipped to [−δ, δ].",
    strengths=("smooth at the target like the squared error, bounded in its gradient like the absolute error",),
    limits=("δ has to be chosen in the units of the target",),
    source="Huber, 1964",
)
