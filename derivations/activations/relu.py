"""ReLU, the rectified linear unit: positive values pass, negative ones do not."""

from sympy import Piecewise

from chainrule import Definition, scalar

x = scalar("x")
definition = Definition(
    Piecewise((x, x > 0), (0, True)),
    wrt=x,
    symbol="ReLU",
    plot_range=(-4, 4),
    at_kink={"PyTorch": "0", "JAX": "0", "Keras": "0"},
    context="The default activation of convolutional and feed-forward networks.",
    strengths=("its gradient does not shrink for positive inputs, however deep the network", "it costs one comparison"),
    limits=("a unit whose input is negative for every sample gets no gradient and never recovers: it is dead",),
    aliases=("rectifier",),
    source="Nair and Hinton, 2010; Glorot, Bordes and Bengio, 2011",
)
