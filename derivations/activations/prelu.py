"""PReLU, the parametric ReLU: a leaky ReLU whose slope is learned."""

from sympy import Piecewise

from chainrule import Definition, scalar

x, a = scalar("x"), scalar("a")
definition = Definition(
    Piecewise((x, x > 0), (a * x, True)),
    wrt=(x, a),
    symbol="PReLU",
    parameters={a: 0.25},
    plot_range=(-4, 4),
    at_kink={"PyTorch": "a", "JAX's leaky_relu": "1", "Keras": "0"},
    context="The slope for negative values is a weight like any other, often one for each channel, and is learned with the network. "
    "The gradient of a shared slope is the sum of the values below over every place that shares it.",
    strengths=("the network chooses the slope itself", "no unit can die while the slope is not 0"),
    limits=("one more weight for each channel, which can overfit a small data set",),
    source="He, Zhang, Ren and Sun, 2015",
)
