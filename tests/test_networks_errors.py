"""What is refused: every message says what was wrong, where, and what to do."""

import re
import warnings

import network_reference as reference
import numpy as np
import pytest

from chainrule.errors import DefinitionError, UnknownName
from chainrule.networks import mlp, train
from chainrule.networks.network import widths_of
from chainrule.networks.parts import activation, written

# ---------------------------------------------------------------- networks

REFUSED = {
    "widths[1] is 0: a layer has a whole number of units, 1 or more": lambda: mlp([2, 0, 1]),
    "widths[2] is -1: a layer has a whole number of units, 1 or more": lambda: mlp([2, 3, -1]),
    "widths[0] is True: a layer has a whole number of units, 1 or more": lambda: mlp([True, 1]),
    "widths[0] is 2.0: a layer has a whole number of units, 1 or more": lambda: mlp([2.0, 1]),
    "widths are [2]: give those of the input and of the output at least, as in [2, 1]": lambda: mlp([2]),
    "widths are []: give those of the input and of the output at least, as in [2, 1]": lambda: mlp([]),
    "widths is 3: give a list of whole numbers, as [2, 3, 1]": lambda: mlp(3),
    "'2x3' is no list of widths: write it as 2-3-1, input first": lambda: widths_of("2x3"),
    "hidden= names 1 activations for 2 hidden layers: name one for all of them, or one for each": lambda: mlp(
        [2, 3, 3, 1], ["tanh"]
    ),
    "hidden= names 1 activations for 0 hidden layers: name one for all of them, or one for each": lambda: mlp(
        [2, 1], ["tanh"]
    ),
    "hidden is None: give an activation, or one for each": lambda: mlp([2, 3, 1], None),
    "3 is no name of an activation: give one of the catalogue as a string": lambda: mlp([2, 3, 1], [3]),
    "None is no name of a loss: give one of the catalogue as a string": lambda: mlp([2, 1], loss=None),
    "softmax is a function of a whole vector: a hidden layer takes an element-wise activation; give it as output=": lambda: (
        mlp([2, 3, 1], "softmax")
    ),
    "squared_error is a loss: give an activation, or 'identity'": lambda: mlp([2, 3, 1], "squared_error"),
    "linear is a layer: give an activation, or 'identity'": lambda: mlp([2, 1], output="linear"),
    "logsumexp makes one number of a vector: an activation gives one for each unit": lambda: mlp(
        [2, 3, 1], "logsumexp"
    ),
    "log_softmax names further quantities, which an output layer cannot take over yet: use softmax": lambda: mlp(
        [2, 3], output="log_softmax"
    ),
    "tanh is no loss of a prediction and a target: give one such as squared_error or cross_entropy": lambda: mlp(
        [2, 1], loss="tanh"
    ),
    "l2_penalty is no loss of a prediction and a target: give one such as squared_error or cross_entropy": lambda: mlp(
        [2, 1], loss="l2_penalty"
    ),
    "mean_squared_error_batch is stated of a whole batch: give the loss of one sample, the mean over samples is added": (
        lambda: mlp([2, 1], loss="mean_squared_error_batch")
    ),
    "sigmoid_binary_cross_entropy holds an activation of its own (y_hat = sigma(z)): give the activation as output= "
    "and the loss without it": lambda: mlp([2, 1], loss="sigmoid_binary_cross_entropy"),
    "binary_cross_entropy takes every prediction for a probability of its own, but those of softmax sum to 1: use sigmoid with "
    "binary_cross_entropy, or softmax with categorical_cross_entropy": lambda: mlp(
        [2, 2], output="softmax", loss="bce"
    ),
    "binary_cross_entropy takes predictions in (0, 1), but tanh gives values in (-1, 1): choose an output activation whose values "
    "lie there, or another loss": lambda: mlp([2, 1], output="tanh", loss="bce"),
    "binary_cross_entropy takes predictions in (0, 1), but gelu gives values in [-0.17, ∞): choose an output activation whose "
    "values lie there, or another loss": lambda: mlp([2, 1], output="gelu", loss="bce"),
    "categorical_cross_entropy takes predictions in (0, 1], but identity gives values in (-∞, ∞): choose an output activation whose "
    "values lie there, or another loss": lambda: mlp([2, 2], loss="cross_entropy"),
    "sparse_categorical_cross_entropy takes the number of one class, so the outputs have to share it: use softmax, or "
    "categorical_cross_entropy with sigmoid": lambda: mlp(
        [2, 2], output="sigmoid", loss="sparse_categorical_cross_entropy"
    ),
    "l2 is -1: the weight of the penalty is a finite number, 0 or more": lambda: mlp([2, 1], l2=-1),
    "l2 is nan: the weight of the penalty is a finite number, 0 or more": lambda: mlp([2, 1], l2=float("nan")),
    "l2 is inf: the weight of the penalty is a finite number, 0 or more": lambda: mlp([2, 1], l2=float("inf")),
    "l2 is True: the weight of the penalty is a finite number, 0 or more": lambda: mlp([2, 1], l2=True),
    "l2 is '0.1': the weight of the penalty is a finite number, 0 or more": lambda: mlp([2, 1], l2="0.1"),
}


@pytest.mark.parametrize("message", REFUSED)
def test_a_network_that_does_not_fit_is_refused_in_a_sentence(message):
    with pytest.raises(DefinitionError) as error:
        REFUSED[message]()
    assert str(error.value) == message


def test_unknown_names_come_with_near_ones():
    with pytest.raises(UnknownName, match=r"sigmoyd.*did you mean sigmoid"):
        mlp([2, 3, 1], "sigmoyd")
    with pytest.raises(UnknownName, match=r"sigmoyd.*did you mean sigmoid"):
        mlp([2, 1], "sigmoyd")
    with pytest.raises(UnknownName, match=r"softmux.*did you mean softmax"):
        mlp([2, 2], output="softmux")
    with pytest.raises(UnknownName, match=r"hubert.*did you mean huber"):
        mlp([2, 3, 1], loss="hubert")


def test_aliases_are_resolved():
    assert mlp([2, 1], output="logistic", loss="log_loss") == mlp([2, 1], output="sigmoid", loss="binary_cross_entropy")
    assert mlp([2, 2], output="softmax", loss="cross_entropy").loss == "categorical_cross_entropy"


def test_numbers_of_numpy_are_numbers():
    network = mlp([np.int64(2), 1], l2=np.float32(0.5))
    assert network == mlp([2, 1], l2=0.5)
    assert {type(width) for width in network.widths} == {int}


def test_ends_that_no_fraction_is_are_rounded():
    assert written(activation("silu").range) == "[-0.2785, ∞)"
    assert written(activation("tanh").range) == "(-1, 1)"


# ---------------------------------------------------------------- arrays

NETWORK = mlp([2, 3, 1], "tanh", "sigmoid", "bce")
X, Y = np.ones((3, 2)), np.ones((3, 1))

FAULTS = {
    "X: shape (m, 2) is expected, a sample in each of m ≥ 1 rows, got (3, 4)": {"X": np.zeros((3, 4))},
    "X: shape (m, 2) is expected, a sample in each of m ≥ 1 rows, got (0, 2)": {"X": np.zeros((0, 2))},
    "X: shape (m, 2) is expected, a sample in each of m ≥ 1 rows, got (1, 3, 2)": {"X": np.zeros((1, 3, 2))},
    "X: shape (m, 2) is expected, a sample in each of m ≥ 1 rows, got (2,): X[None] is a batch of one sample": {
        "X": np.zeros(2)
    },
    "X: finite numbers are expected, got nan at (1, 0)": {"X": np.array([[0, 0], [np.nan, 0], [0, 0]])},
    "X: finite numbers are expected, got -inf at (0, 1)": {"X": np.array([[0, -np.inf], [0, 0], [0, 0]])},
    "X: float32, float64 or integers are expected, got dtype complex128: convert it with .astype": {
        "X": np.zeros((3, 2), complex)
    },
    "X: float32, float64 or integers are expected, got dtype object: convert it with .astype": {
        "X": np.zeros((3, 2), object)
    },
    "X: float32, float64 or integers are expected, got dtype bool: convert it with .astype": {
        "X": np.zeros((3, 2), bool)
    },
    "X: an array of numbers is expected, got rows of different lengths": {"X": [[1, 2], [3], [4, 5]]},
    "Y: shape (3, 1) is expected, got (3,): Y[:, None] is a column": {"Y": np.zeros(3)},
    "Y: shape (3, 1) is expected, got (2, 1)": {"Y": np.zeros((2, 1))},
    "Y: shape (3, 1) is expected, got ()": {"Y": None},
    "Y: finite numbers are expected, got nan at (2, 0)": {"Y": np.array([[0], [0], [np.nan]])},
    "Y: binary_cross_entropy takes targets in [0, 1], got 2": {"Y": np.full((3, 1), 2.0)},
    "Y: binary_cross_entropy takes targets in [0, 1], got -0.1": {"Y": np.array([[0.0], [-0.1], [1.0]])},
    "Y: float32, float64 or integers are expected, got dtype object: convert it with .astype": {
        "Y": np.full((3, 1), "a", object)
    },
    "W1: shape (3, 2) is expected, got (2, 3): a row for each unit, so transpose it": {"W1": np.zeros((2, 3))},
    "W1: shape (3, 2) is expected, got (3, 3)": {"W1": np.zeros((3, 3))},
    "W1: float32 or float64 is expected, got dtype int64: convert it with .astype": {"W1": np.zeros((3, 2), np.int64)},
    "W1: float32 or float64 is expected, got dtype object: convert it with .astype": {"W1": np.zeros((3, 2), object)},
    "W1: float32 or float64 is expected, got dtype complex128: convert it with .astype": {
        "W1": np.zeros((3, 2), complex)
    },
    "W1: finite numbers are expected, got inf at (0, 1)": {"W1": np.array([[0, np.inf], [0, 0], [0, 0]])},
    "parameters: one dtype is expected, got float32, float64: convert them with .astype": {
        "W1": np.zeros((3, 2), np.float32)
    },
    "b2: shape (1,) is expected, got (1, 1)": {"b2": np.zeros((1, 1))},
    "b2: finite numbers are expected, got nan at (0,)": {"b2": np.array([np.nan])},
}


@pytest.mark.parametrize("message", FAULTS)
def test_arrays_that_do_not_fit_are_named(message):
    fault = FAULTS[message]
    (W1, b1), (W2, b2) = NETWORK.initial(0)
    parameters = [(fault.get("W1", W1), b1), (W2, fault.get("b2", b2))]
    given = parameters, fault.get("X", X), fault.get("Y", Y)
    with pytest.raises((ValueError, TypeError)) as error:
        NETWORK.compile().loss_and_gradients(*given)
    assert str(error.value) == message
    with pytest.raises(type(error.value), match=re.escape(message)):
        train(NETWORK, *given, rate=0.1, epochs=1)


def test_a_batch_of_integers_or_lists_is_taken():
    code, parameters = NETWORK.compile(), NETWORK.initial(0)
    expected = code.loss_and_gradients(parameters, X, Y)[0]
    assert code.loss_and_gradients(parameters, X.astype(int), Y.astype(np.uint8))[0] == expected
    assert (
        code.loss_and_gradients([(W.tolist(), b.tolist()) for W, b in parameters], X.tolist(), Y.tolist())[0]
        == expected
    )


def test_what_float32_cannot_hold_is_named():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        message = "X: 1e+200 at (0, 0) is too large for float32: scale it, or use float64 parameters"
        with pytest.raises(ValueError, match=re.escape(message)):
            NETWORK.compile().forward(NETWORK.initial(0, "float32"), 1e200 * X)


@pytest.mark.parametrize("dtype", ["float16", "int64", "complex128", "no dtype"])
def test_parameters_start_as_float32_or_float64(dtype):
    with pytest.raises(TypeError) as error:
        NETWORK.initial(0, dtype)
    assert str(error.value) == f"initial parameters: float32 or float64 is expected, got dtype {dtype}"


def test_parameters_are_pairs_one_for_each_layer():
    run = NETWORK.compile().forward
    with pytest.raises(ValueError, match=r"^parameters: 2 pairs \(W, b\) are expected, one for each layer, got 1$"):
        run(NETWORK.initial(0)[:1], X)
    for wrong in (None, [np.zeros((3, 2))], [NETWORK.initial(0)[0] * 2] * 2):
        with pytest.raises(TypeError, match=r"^parameters: a list of pairs \(W, b\) is expected, one for each layer$"):
            run(wrong, X)


@pytest.mark.parametrize(
    ("loss", "output", "targets", "message"),
    [
        (
            "cross_entropy",
            "softmax",
            2 * np.eye(3),
            "Y: categorical_cross_entropy takes targets that sum to 1 in every row, as one-hot ones do, got a row that sums to 2",
        ),
        (
            "cross_entropy",
            "softmax",
            [0, 1, 2],
            "Y: shape (3, 3) is expected, got (3,): np.eye(3)[Y] has a one-hot row for each class in Y",
        ),
        ("sparse_categorical_cross_entropy", "softmax", [0, 1, 3], "Y: class 3 is none of 0 to 2"),
        ("sparse_categorical_cross_entropy", "softmax", [0, -1, 2], "Y: class -1 is none of 0 to 2"),
        (
            "sparse_categorical_cross_entropy",
            "softmax",
            [0.0, 1.0, 2.0],
            "Y: integers are expected, the numbers of classes from 0, got dtype float64",
        ),
        (
            "sparse_categorical_cross_entropy",
            "softmax",
            np.eye(3),
            "Y: shape (3,) is expected, got (3, 3): Y.argmax(axis=1) are the classes of one-hot rows",
        ),
        ("hinge", "identity", np.eye(3), "Y: hinge takes targets in {-1, 1}, got 0"),
        ("kl_divergence", "softmax", -np.eye(3), "Y: kl_divergence takes targets in [0, 1], got -1"),
    ],
)
def test_targets_outside_the_domain_of_the_loss_are_refused(loss, output, targets, message):
    network = mlp([2, 3], output=output, loss=loss)
    with pytest.raises((ValueError, TypeError)) as error:
        network.compile().loss_and_gradients(network.initial(0), X, targets)
    assert str(error.value) == message


def test_targets_at_the_ends_of_the_domain_are_taken():
    for loss, outputs in reference.FITS.items():
        network = mlp([2, 3], output=outputs[0], loss=loss)
        targets = {"hinge": [[1, -1, 1]] * 3, "sparse_categorical_cross_entropy": [0, 2, 1]}.get(loss, np.eye(3))
        cost, gradients = network.compile().loss_and_gradients(network.initial(0), X, targets)
        assert np.isfinite(cost)
        assert np.isfinite(gradients[0][0]).all()


# ---------------------------------------------------------------- training

TRAINING = {
    "rate is 0.0: a step has a positive, finite length": {"rate": 0.0},
    "rate is -1: a step has a positive, finite length": {"rate": -1},
    "rate is inf: a step has a positive, finite length": {"rate": float("inf")},
    "rate is nan: a step has a positive, finite length": {"rate": float("nan")},
    "rate is 'fast': a step has a positive, finite length": {"rate": "fast"},
    "epochs is -1: give a whole number, 0 or more": {"epochs": -1},
    "epochs is 2.5: give a whole number, 0 or more": {"epochs": 2.5},
    "batch is 0: give a whole number of samples, 1 or more, or None for all": {"batch": 0},
    "batch is 1.5: give a whole number of samples, 1 or more, or None for all": {"batch": 1.5},
}


@pytest.mark.parametrize("message", TRAINING)
def test_numbers_that_make_no_sense_are_refused(message):
    with pytest.raises(DefinitionError) as error:
        train(NETWORK, NETWORK.initial(0), X, Y, **{"rate": 0.1, "epochs": 1, **TRAINING[message]})
    assert str(error.value) == message


@pytest.mark.parametrize(("batch", "epochs", "epoch"), [(None, 400, 44), (1, 2, 1)])
def test_a_descent_that_diverges_says_so_and_warns_of_nothing(batch, epochs, epoch):
    """Whether it is found after a step with all samples, or only after many steps of an epoch."""
    network, many = mlp([2, 1]), 300 if batch else 3
    inputs, targets = np.full((many, 2), 10.0), np.ones((many, 1))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        with pytest.raises(DefinitionError) as error:
            train(network, network.initial(0), inputs, targets, rate=10, epochs=epochs, batch=batch)
    wanted = f"rate is 10: the descent leaves the finite numbers in epoch {epoch}; choose a smaller rate"
    assert str(error.value) == wanted
