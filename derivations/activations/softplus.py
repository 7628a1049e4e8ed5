"""Softplus: a ReLU with its corner rounded off."""

from sympy import exp, log

from chainrule import Definition, scalar, use

x = scalar("x")
definition = Definition(
    log(1 + exp(x)),
    wrt=x,
    symbol="zeta",
    uses=(use("sigmoid"),),
    context="Used where an output has to be positive, as a standard deviation or a rate does. Its derivative is the sigmoid.",
    strengths=("smooth everywhere, with a gradient for every input",),
    limits=(
        "it costs an exponential and a logarithm, and overflows when it is computed as written",
        "its gradient vanishes on the left",
    ),
    source="Dugas, Bengio, Bélisle, Nadeau and Garcia, 2001",
)
