"""Layer normalisation: the components of one sample, centred, scaled to unit variance, and given a new gain and shift."""

from sympy import Interval, Sum, oo, sqrt

from chainrule import Definition, dimension, index, scalar, vector

K = dimension("K")
i, j, k = index("i", K), index("j", K), index("k", K)
x, hat, gamma, beta = vector("x", K), vector("x_hat", K), vector("gamma", K), vector("beta", K)
mu, v, s, epsilon = scalar("mu"), scalar("v"), scalar("s"), scalar("epsilon")
definition = Definition(
    gamma[i] * hat[i] + beta[i],
    wrt=(x[j], gamma[j], beta[j]),
    symbol="y",
    index=i,
    where={
        mu: Sum(x[k], k) / K,
        v: Sum((x[k] - mu) ** 2, k) / K,
        s: sqrt(v + epsilon),
        hat[i]: (x[i] - mu) / s,
    },
    parameters={epsilon: 1e-5},
    domain={epsilon: Interval.open(0, oo)},
    context="Between the layers of every transformer: each sample is normalised by itself, so the size of the batch does not matter.",
    strengths=(
        "the gradient has no component along the mean or along the normalised vector, whatever the scale of the input",
    ),
    limits=("the mean and the variance make every output depend on every input",),
    source="Ba, Kiros and Hinton, 2016",
)
