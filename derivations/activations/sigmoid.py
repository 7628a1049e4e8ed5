"""Sigmoid, the logistic function: a score turned into a probability."""

from sympy import exp, log

from chainrule import Definition, scalar

x = scalar("x")
sigma = 1 / (1 + exp(-x))
definition = Definition(
    sigma,
    wrt=x,
    symbol="sigma",
    construction=(exp(x), 1 + exp(-x), sigma),
    companions={"negative_log": -log(sigma)},
    context="The output of a binary classifier and the gate of an LSTM or a GRU. It is the inverse of the log-odds.",
    strengths=("smooth", "its derivative comes from its own value, so the backward pass needs no new exponential"),
    limits=(
        "its gradient vanishes on both sides, which starves the early layers of a deep network",
        "it costs an exponential",
    ),
    aliases=("logistic", "expit"),
    source="Verhulst, 1838; Rumelhart, Hinton and Williams, 1986",
)
