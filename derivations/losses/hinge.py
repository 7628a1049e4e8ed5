"""Hinge loss: a margin, and no penalty beyond it."""

from sympy import FiniteSet, Max

from chainrule import Definition, scalar

prediction, target = scalar("y_hat"), scalar("y")
definition = Definition(
    Max(0, 1 - target * prediction),
    wrt=prediction,
    arguments={"prediction": prediction, "target": target},
    domain={target: FiniteSet(-1, 1)},
    plot_at={target: 1.0},
    plot_range=(-3, 3),
    at_kink={"JAX (optax)": "−y/2", "Keras": "−y/2", "PyTorch's clamp": "−y", "scikit-learn": "−y"},
    context="The loss of the support vector machine. The target is −1 or 1 and the prediction is a score, not a probability.",
    strengths=("samples beyond the margin cost nothing, so few samples decide the result",),
    limits=("its scores are no probabilities", "no gradient beyond the margin"),
    aliases=("hinge_loss",),
    source="Cortes and Vapnik, 1995",
)
