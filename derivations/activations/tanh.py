"""Hyperbolic tangent: the sigmoid, stretched and centred."""

from sympy import exp

from chainrule import Definition, scalar, use

x = scalar("x")
sigmoid = use("sigmoid")
definition = Definition(
    (exp(x) - exp(-x)) / (exp(x) + exp(-x)),
    wrt=x,
    symbol="tanh",
    uses=(sigmoid,),
    routes={"from the sigmoid": 2 * sigmoid(2 * x) - 1},
    plot_range=(-4, 4),
    context="The usual activation of recurrent networks: the state and the candidate of an LSTM pass through it.",
    strengths=("its outputs are balanced around 0, so the next layer's gradients do not all share a sign",),
    limits=("its gradient vanishes on both sides", "it costs an exponential"),
    source="LeCun, Bottou, Orr and Müller, Efficient BackProp, 1998",
)
