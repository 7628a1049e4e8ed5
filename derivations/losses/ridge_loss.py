"""Ridge loss: mean squared error of a linear model with a penalty on the length of its weights."""

from sympy import Interval, Sum, oo

from chainrule import Definition, dimension, index, matrix, scalar, vector

N, n = dimension("N"), dimension("n")
b, decay = scalar("b"), scalar("lambda")
r = index("r", N)
j, k = index("j", n), index("k", n)
w, X, y = vector("w", n), matrix("X", N, n), vector("y", N)
definition = Definition(
    Sum((Sum(X[r, k] * w[k], k) + b - y[r]) ** 2, r) / N + decay / 2 * Sum(w[k] ** 2, k),
    wrt=(w[j], b),
    arguments={"weights": w, "bias": b, "data": X, "target": y, "decay": decay},
    parameters={decay: 1.0},
    domain={decay: Interval(0, oo)},
    context="Linear regression that stays well posed when features are many or correlated. Samples are the rows of X.",
    strengths=("strictly convex for a positive penalty, so the solution is unique",),
    limits=(
        "the mean over samples sets the scale of the penalty: with a sum instead, the same penalty is N times weaker",
    ),
    source="Hoerl and Kennard, 1970",
)
