"""Leaky ReLU: a ReLU with a small slope for negative values."""

from sympy import Interval, Piecewise, oo

from chainrule import Definition, scalar

x, s = scalar("x"), scalar("s")
definition = Definition(
    Piecewise((x, x > 0), (s * x, True)),
    wrt=x,
    symbol="LeakyReLU",
    arguments={"x": x, "negative_slope": s},
    parameters={s: 0.01},
    domain={s: Interval(0, oo)},
    plot_range=(-4, 4),
    at_kink={"PyTorch": "the slope s", "JAX": "1", "Keras on JAX": "1", "Keras on PyTorch": "the slope s"},
    context="Used where dead units are a concern, as in the discriminators of generative adversarial networks.",
    strengths=("no unit can die: a negative input still gets a gradient", "it costs one comparison and one product"),
    limits=(
        "the slope is one more number to choose, and libraries do not agree on it: 0.01 in PyTorch and JAX, 0.2 or 0.3 in Keras",
    ),
    source="Maas, Hannun and Ng, 2013",
)
