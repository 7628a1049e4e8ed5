"""Squared error after a sigmoid: the delta rule of a single neuron."""

from sympy import Interval, Sum

from chainrule import Definition, dimension, index, scalar, use, vector

n = dimension("n")
k, i = index("k", n), index("i", n)
w, x = vector("w", n), vector("x", n)
z, b, output, target, delta = (scalar(name) for name in ("z", "b", "y_hat", "y", "delta"))
sigmoid = use("sigmoid")
definition = Definition(
    (output - target) ** 2 / 2,
    wrt=(z, w[i], b),
    where={z: Sum(w[k] * x[k], k) + b, output: sigmoid(z)},
    adjoints={z: delta},
    uses=(sigmoid,),
    arguments={"logit": z, "target": target},
    domain={target: Interval(0, 1)},
    plot_at={target: 1.0},
    context="One neuron with a sigmoid, trained by gradient descent on the squared error: w ← w − η δ x and b ← b − η δ. For a layer, ΔWⱼᵢ = −η δⱼ xᵢ with j the "
    "output and i the input. One common text writes the error as (y − ŷ) σ′(z) and the update as Δwᵢⱼ = +η δⱼ xᵢ: the same rule with the sign moved and the "
    "indices transposed.",
    strengths=("the simplest gradient of a neuron, and the pattern of backpropagation",),
    limits=(
        "where the sigmoid saturates the gradient vanishes, even if the prediction is entirely wrong; cross-entropy does not share this",
    ),
    aliases=("delta_rule",),
    source="Widrow and Hoff, 1960; Rumelhart, Hinton and Williams, 1986",
)
