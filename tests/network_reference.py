"""The cost of a network written by hand, for the tests: plain formulas over complex numbers, from which a tiny imaginary step reads any derivative.

Nothing of chainrule is used here."""

import math
from itertools import pairwise

import numpy as np

STEP = 1e-30
erf = np.vectorize(math.erf, otypes=[float])


def sigmoid(z):
    return 1 / (1 + np.exp(-z))


def normal_cdf(z):
    """Φ, exact to first order in the imaginary part."""
    x, density = np.real(z), np.exp(-(np.real(z) ** 2) / 2) / math.sqrt(2 * math.pi)
    return (1 + erf(x / math.sqrt(2))) / 2 + 1j * np.imag(z) * density


def softmax(z):
    e = np.exp(z - np.max(z.real, axis=1, keepdims=True))
    return e / np.sum(e, axis=1, keepdims=True)


ACTIVATIONS = {
    "identity": lambda z: z,
    "relu": lambda z: np.where(z.real > 0, z, 0),
    "leaky_relu": lambda z: np.where(z.real > 0, z, 0.01 * z),
    "prelu": lambda z: np.where(z.real > 0, z, 0.25 * z),
    "elu": lambda z: np.where(z.real > 0, z, np.exp(z) - 1),
    "sigmoid": sigmoid,
    "tanh": np.tanh,
    "softplus": lambda z: np.log(1 + np.exp(z)),
    "silu": lambda z: z * sigmoid(z),
    "gelu": lambda z: z * normal_cdf(z),
    "softmax": softmax,
    "softmin": lambda z: softmax(-z),
}
JOINT = ("softmax", "softmin")
ELEMENTWISE = tuple(name for name in ACTIVATIONS if name not in JOINT)


def divergence(a, y):
    return np.sum(np.where(y > 0, y * (np.log(np.where(y > 0, y, 1)) - np.log(a)), 0), axis=1)


LOSSES = {
    "squared_error": lambda a, y: np.sum((a - y) ** 2, axis=1),
    "mean_squared_error": lambda a, y: np.mean((a - y) ** 2, axis=1),
    "absolute_error": lambda a, y: np.sum(np.sign(a.real - y) * (a - y), axis=1),
    "log_cosh": lambda a, y: np.sum(np.log(np.cosh(a - y)), axis=1),
    "huber": lambda a, y: np.sum(
        np.where(np.abs(a.real - y) <= 1, (a - y) ** 2 / 2, np.sign(a.real - y) * (a - y) - 0.5), axis=1
    ),
    "hinge": lambda a, y: np.sum(np.where(y * a.real < 1, 1 - y * a, 0), axis=1),
    "binary_cross_entropy": lambda a, y: np.sum(-y * np.log(a) - (1 - y) * np.log(1 - a), axis=1),
    "categorical_cross_entropy": lambda a, y: -np.sum(y * np.log(a), axis=1),
    "kl_divergence": divergence,
    "sparse_categorical_cross_entropy": lambda a, c: -np.log(a[np.arange(len(c)), c]),
}
FITS = {
    **dict.fromkeys(LOSSES, tuple(ACTIVATIONS)),
    "binary_cross_entropy": ("sigmoid",),
    "categorical_cross_entropy": ("sigmoid", *JOINT),
    "kl_divergence": ("sigmoid", *JOINT),
    "sparse_categorical_cross_entropy": JOINT,
}
"""The output activations that each loss can take."""


def forward(activations, parameters, X):
    a = np.asarray(X, dtype=complex)
    for name, (W, b) in zip(activations, parameters, strict=True):
        a = ACTIVATIONS[name](a @ np.transpose(W) + b)
    return a


def cost(activations, loss, l2, parameters, X, Y):
    """J, complex: the mean loss, and λ/(2m) of the squared weights, the biases left out."""
    m = len(X)
    penalty = sum(np.sum(W**2) for W, _ in parameters)
    return np.sum(LOSSES[loss](forward(activations, parameters, X), Y)) / m + l2 / (2 * m) * penalty


def shapes(widths):
    return [((n, before), (n,)) for before, n in pairwise(widths)]


def slope(network, parameters, X, Y, direction):
    """The derivative of J along a direction, which has the shapes of the parameters."""
    moved = [(W + 1j * STEP * dW, b + 1j * STEP * db) for (W, b), (dW, db) in zip(parameters, direction, strict=True)]
    return cost(network.activations, network.loss, network.l2, moved, X, Y).imag / STEP


def worst(network, run, parameters, X, Y, seed=0):
    """How far the gradients of ``run`` are from those of the cost above: along a random direction, and in every parameter by itself, relative to the
    largest."""
    _, gradients = run(parameters, X, Y)
    random = np.random.default_rng(seed)
    direction = [(random.normal(size=W.shape), random.normal(size=b.shape)) for W, b in parameters]
    terms = [g * d for pair, way in zip(gradients, direction, strict=True) for g, d in zip(pair, way, strict=True)]
    scale = max(1.0, *(float(np.max(np.abs(g))) for pair in gradients for g in pair))
    found = abs(sum(map(np.sum, terms)) - slope(network, parameters, X, Y, direction))
    zero = [(np.zeros_like(W), np.zeros_like(b)) for W, b in parameters]
    for pair, unit in zip(gradients, zero, strict=True):
        for gradient, one in zip(pair, unit, strict=True):
            for at in np.ndindex(one.shape):
                one[at] = 1.0
                found = max(found, abs(slope(network, parameters, X, Y, zero) - gradient[at]))
                one[at] = 0.0
    return found / scale


def sample(network, count, seed, dtype="float64"):
    """Parameters, inputs and targets of the domain of the loss, drawn from a seed."""
    random = np.random.default_rng(seed)
    parameters = [
        (random.uniform(-1, 1, W).astype(dtype), random.uniform(-1, 1, b).astype(dtype))
        for W, b in shapes(network.widths)
    ]
    X = random.normal(size=(count, network.widths[0])).astype(dtype)
    outputs = network.widths[-1]
    classes = random.integers(0, outputs, count)
    one_hot = np.eye(outputs)[classes]
    shares = random.dirichlet(np.ones(outputs), count)
    by_loss = {
        "hinge": 2 * random.integers(0, 2, (count, outputs)) - 1.0,
        "binary_cross_entropy": np.where(random.random((count, 1)) < 0.5, one_hot, shares),
        "categorical_cross_entropy": np.where(random.random((count, 1)) < 0.5, one_hot, shares),
        "kl_divergence": np.where(random.random((count, 1)) < 0.5, one_hot, random.random((count, outputs))),
        "sparse_categorical_cross_entropy": classes,
    }
    Y = by_loss.get(network.loss, random.normal(size=(count, outputs)))
    return parameters, X, Y if network.loss == "sparse_categorical_cross_entropy" else Y.astype(dtype)
