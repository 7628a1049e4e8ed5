"""Log-cosh loss: a smooth relative of the Huber loss."""

from sympy import cosh, log

from chainrule import Definition, scalar, use

prediction, target = scalar("y_hat"), scalar("y")
definition = Definition(
    log(cosh(prediction - target)),
    wrt=prediction,
    arguments={"prediction": prediction, "target": target},
    uses=(use("tanh"),),
    plot_at={target: 0.0},
    plot_range=(-4, 4),
    context="Robust regression without a threshold: about half the squared error near the target, about the absolute error less log 2 far from it.",
    strengths=("smooth everywhere, with a bounded gradient, and no parameter to choose",),
    limits=(
        "cosh overflows for errors beyond 710 when it is computed as written",
        "the width of its smooth part is fixed",
    ),
    aliases=("logcosh",),
    source="Green, 1990",
)
