"""ELU, the exponential linear unit: the identity on the right, an exponential that levels off on the left."""

from sympy import Interval, Piecewise, exp, oo

from chainrule import Definition, scalar

x, alpha = scalar("x"), scalar("alpha")
definition = Definition(
    Piecewise((x, x > 0), (alpha * (exp(x) - 1), True)),
    wrt=(x, alpha),
    symbol="ELU",
    parameters={alpha: 1.0},
    domain={alpha: Interval.open(0, oo)},
    plot_range=(-5, 3),
    at_kink={"PyTorch": "α", "JAX": "α", "Keras": "α"},
    context="A smooth-looking alternative to the ReLU. Its negative branch is exponential; a popular text calls it logarithmic, which it is not.",
    strengths=(
        "negative values pull the mean activation towards 0",
        "the left derivative needs no new exponential once the value is known",
    ),
    limits=(
        "it costs an exponential for negative inputs",
        "its gradient vanishes on the left",
        "large positive inputs can make activations explode",
    ),
    source="Clevert, Unterthiner and Hochreiter, 2016",
)
