"""Mean squared error over a batch: the average over all samples and all components."""

from sympy import Sum

from chainrule import Definition, dimension, index, matrix

m, K = dimension("m"), dimension("K")
i, r = index("i", m), index("r", m)
j, k = index("j", K), index("k", K)
prediction, target = matrix("Y_hat", m, K), matrix("Y", m, K)
definition = Definition(
    Sum(Sum((prediction[r, k] - target[r, k]) ** 2, k), r) / (m * K),
    wrt=prediction[i, j],
    arguments={"prediction": prediction, "target": target},
    context="The loss of least squares over a batch of m samples in rows, as PyTorch takes the mean: over every element.",
    strengths=("its scale depends neither on the size of the batch nor on the number of outputs",),
    limits=(
        "the factor 1/(mK) belongs to the gradient: libraries that average over samples only give K times as much",
    ),
    source="Legendre, 1805; Gauss, 1809",
)
