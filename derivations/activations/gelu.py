"""GELU, the Gaussian error linear unit: x times the probability that a standard normal variable is below x."""

from sympy import Function, Rational, erf, exp, pi, sqrt

from chainrule import Definition, scalar

x = scalar("x")
Phi, phi = Function("Phi", real=True), Function("phi", real=True)
definition = Definition(
    x * Phi(x),
    wrt=x,
    symbol="GELU",
    where={Phi(x): Rational(1, 2) * (1 + erf(x / sqrt(2))), phi(x): exp(-(x**2) / 2) / sqrt(2 * pi)},
    context="The activation of BERT, GPT-2 and most transformers since. Φ is the distribution function of the standard normal and φ its density. "
    "This is the exact form with erf, the default of PyTorch and Keras; JAX uses an approximation through tanh unless told otherwise.",
    strengths=("smooth, and close to the ReLU for large inputs", "a negative input near 0 still gets a gradient"),
    limits=("erf costs more than an exponential", "its gradient vanishes on the left and changes sign on the way"),
    source="Hendrycks and Gimpel, 2016",
)
