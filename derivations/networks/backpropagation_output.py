"""Backpropagation at the output: the error of the last layer, from the gradient of the loss with respect to what the network says."""

from chainrule import Definition, any_function, dimension, index, vector

n = dimension("n_M")
i, j = index("i", n), index("j", n)
f = any_function("f")
z, a = vector("z__M", n), vector("a__M", n)
definition = Definition(
    f(z[i]),
    wrt=z[j],
    symbol="a__M",
    index=i,
    uses=(f,),
    adjoints={a: "g", z: "delta__M"},
    context="The first of the four equations, for an activation that works element by element; that of softmax is on its own page. It becomes a - y where activation and loss match.",
    source="Rumelhart, Hinton and Williams, 1986",
)
