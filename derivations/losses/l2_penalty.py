"""L2 penalty, or weight decay: half the squared length of the weights."""

from sympy import Interval, Sum, oo

from chainrule import Definition, dimension, index, scalar, vector

n, decay = dimension("n"), scalar("lambda")
j, k = index("j", n), index("k", n)
w = vector("w", n)
definition = Definition(
    decay / 2 * Sum(w[k] ** 2, k),
    wrt=(w[j], decay),
    arguments={"weights": w, "decay": decay},
    parameters={decay: 1.0},
    domain={decay: Interval(0, oo)},
    context="Added to a loss to keep weights small. With the factor 1/2 its gradient is decay times the weights, as in PyTorch's weight_decay.",
    strengths=("smooth, and it makes a least-squares problem strictly convex",),
    limits=("biases are usually left out", "Keras leaves out the factor 1/2, so its gradient is twice as large"),
    aliases=("weight_decay", "tikhonov"),
    source="Tikhonov, 1943; Hoerl and Kennard, 1970",
)
