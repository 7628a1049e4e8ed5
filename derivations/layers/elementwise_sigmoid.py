"""Sigmoid of a vector: every component is turned into a probability by itself."""

from chainrule import Definition, dimension, index, use, vector

K = dimension("K")
i, j = index("i", K), index("j", K)
z = vector("z", K)
sigmoid = use("sigmoid")
definition = Definition(
    sigmoid(z[i]),
    wrt=z[j],
    symbol="a",
    index=i,
    uses=(sigmoid,),
    context="The activation of a layer, and the output of a classifier whose labels do not exclude each other.",
    strengths=("its Jacobian is diagonal, so the backward pass is an element-wise product",),
    limits=("saturated components get no gradient",),
    source="Rumelhart, Hinton and Williams, 1986",
)
