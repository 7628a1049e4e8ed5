"""Binary cross-entropy of a sigmoid: the loss of a binary classifier, from its logit."""

from sympy import Interval, log

from chainrule import Definition, scalar, use

z, probability, target = scalar("z"), scalar("y_hat"), scalar("y")
sigmoid = use("sigmoid")
definition = Definition(
    -target * log(probability) - (1 - target) * log(1 - probability),
    wrt=z,
    where={probability: sigmoid(z)},
    uses=(sigmoid,),
    arguments={"logit": z, "target": target},
    domain={target: Interval(0, 1)},
    plot_at={target: 1.0},
    context="Logistic regression, and every binary classifier trained on logits. The logarithm undoes the exponential of the sigmoid, and what is left of "
    "the gradient is the error of the prediction.",
    strengths=(
        "a wrong prediction gets a large gradient, however saturated the sigmoid is",
        "computed from the logit it neither overflows nor clips",
    ),
    limits=("a sample far on the right side still pulls a little, so weights of separable data grow without bound",),
    aliases=("binary_cross_entropy_with_logits", "bce_with_logits", "logistic_loss"),
    source="Cox, 1958",
)
