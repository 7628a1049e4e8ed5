"""Hyperbolic tangent of a vector: every component is squashed into (-1, 1) by itself."""

from chainrule import Definition, dimension, index, use, vector

K = dimension("K")
i, j = index("i", K), index("j", K)
z = vector("z", K)
tanh = use("tanh")
definition = Definition(
    tanh(z[i]),
    wrt=z[j],
    symbol="a",
    index=i,
    uses=(tanh,),
    context="The activation of a layer of a recurrent network.",
    strengths=("its Jacobian is diagonal, so the backward pass is an element-wise product",),
    limits=("saturated components get no gradient",),
    source="LeCun et al., 1998",
)
