"""Softplus of a vector: every component is made positive by itself."""

from chainrule import Definition, dimension, index, use, vector

K = dimension("K")
i, j = index("i", K), index("j", K)
z = vector("z", K)
softplus = use("softplus")
definition = Definition(
    softplus(z[i]),
    wrt=z[j],
    symbol="a",
    index=i,
    uses=(softplus,),
    context="Turns the outputs of a layer into positive numbers: variances, rates, concentrations.",
    strengths=("its Jacobian is diagonal, so the backward pass is an element-wise product",),
    limits=("very negative components get no gradient",),
    source="Dugas et al., 2001",
)
