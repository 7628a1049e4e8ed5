"""Binary cross-entropy: how surprised a predicted probability is by a label."""

from sympy import Interval, log

from chainrule import Definition, scalar

prediction, target = scalar("y_hat"), scalar("y")
definition = Definition(
    -target * log(prediction) - (1 - target) * log(1 - prediction),
    wrt=prediction,
    arguments={"prediction": prediction, "target": target},
    domain={prediction: Interval.open(0, 1), target: Interval(0, 1)},
    plot_at={target: 1.0},
    plot_range=(0, 1),
    context="The loss of a binary classifier whose output is a probability: the negative log-likelihood of a Bernoulli distribution.",
    strengths=("it is minimal when the predicted probability is the true one",),
    limits=(
        "unbounded as the prediction approaches the wrong end, where libraries clip: PyTorch clips the logarithm, Keras the probability",
        "from logits, the form with the sigmoid built in keeps more digits",
    ),
    aliases=("bce", "log_loss", "binary_crossentropy"),
    source="Good, 1952",
)
