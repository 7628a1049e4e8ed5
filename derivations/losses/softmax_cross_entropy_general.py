"""Cross-entropy after softmax with any target: weights that need not sum to 1."""

from sympy import Sum, exp, log

from chainrule import Definition, dimension, index, vector

K = dimension("K")
i, j, k = index("i", K), index("j", K), index("k", K)
z, y, s = vector("z", K), vector("y", K), vector("s", K)
definition = Definition(
    -Sum(y[k] * log(s[k]), k),
    wrt=z[j],
    where={s[i]: exp(z[i]) / Sum(exp(z[k]), k)},
    arguments={"logits": z, "target": y},
    context="What remains of the gradient s - y when the target is not normalised: class weights, counts, or a masked token.",
    strengths=("right for every target, where s - y would be wrong",),
    limits=("its minimum is not at s = y unless the target sums to 1",),
    source="Bridle, 1990",
)
