"""Data sets, starting parameters, gradient descent, and the two networks that are trained on real data."""

import gzip
import hashlib
import math

import numpy as np
import pytest

from chainrule.errors import DefinitionError, UnknownName
from chainrule.networks import mlp, train
from chainrule.networks.data import DATASETS, FOLDER, load, split, standardised
from chainrule.networks.digits import read_digits
from chainrule.networks.logistic import logistic_regression

DIGESTS = {
    "iris": "0ec5376d012b0ebfcd73045de1143e270e8e2dda2622776b109efbe434448a83",
    "digits": "bb91ac08ceeb4eb7ddca61f0af46532f91c54eea07aab185ef61474328881e05",
}


@pytest.mark.parametrize("name", DATASETS)
def test_the_data_are_those_that_were_stored(name):
    text = gzip.decompress((FOLDER / f"{name}.csv.gz").read_bytes())
    assert hashlib.sha256(text).hexdigest() == DIGESTS[name]


def test_iris():
    iris = load("iris")
    assert iris.X.shape == (150, 4)
    assert np.bincount(iris.y).tolist() == [50, 50, 50]
    assert iris.X[34].tolist() == [4.9, 3.1, 1.5, 0.2]  # as in Fisher's paper
    assert iris.columns[2:] == ("petal_length", "petal_width")


def test_digits():
    digits = load("digits")
    assert digits.X.shape == (1797, 64)
    assert (digits.X.min(), digits.X.max()) == (0, 16)
    assert np.bincount(digits.y).tolist() == [178, 182, 177, 183, 181, 182, 181, 179, 174, 180]
    assert digits.one_hot().sum(axis=1).tolist() == [1.0] * 1797


def test_every_data_set_is_described_with_source_and_licence():
    text = (FOLDER / "README.md").read_text()
    for name, source in DATASETS.items():
        assert f"{name}.csv.gz" in text
        assert source.licence in text
        assert source.reference.split("doi:")[1] in text


def test_data_cannot_be_written_to_and_unknown_names_come_with_near_ones():
    with pytest.raises(ValueError, match="read-only"):
        load("iris").X[0, 0] = 1
    with pytest.raises(UnknownName, match="there is digits"):
        load("digit")


def test_a_split_takes_every_sample_once():
    known, unseen = split(101, 0.2, 3)
    assert sorted([*known, *unseen]) == list(range(101))
    assert len(unseen) == 20
    assert split(101, 0.2, 3)[1].tolist() == unseen.tolist()


def test_standardised_columns_have_mean_0_and_deviation_1():
    X = np.array([[1.0, 5.0], [3.0, 5.0]])
    assert standardised(X, X).tolist() == [[-1.0, 0.0], [1.0, 0.0]]


def test_starting_parameters_follow_their_papers():
    W, b = mlp([300, 200, 1], "tanh").initial(0)[0]
    assert np.abs(W).max() == pytest.approx(math.sqrt(6 / 500), rel=1e-3)
    assert not b.any()
    W, _ = mlp([300, 200, 1], "relu").initial(0)[0]
    assert np.abs(W).max() == pytest.approx(math.sqrt(6 / 300), rel=1e-3)
    assert mlp([3, 2]).initial(0, "float32")[0][0].dtype == np.float32


def test_training_leaves_what_it_was_given_and_the_global_generator_alone():
    network = mlp([2, 3, 1], "tanh")
    start = network.initial(1)
    before = [W.copy() for W, _ in start]
    state = np.random.get_state()[1].tolist()
    X, Y = np.random.default_rng(0).normal(size=(10, 2)), np.ones((10, 1))
    history = train(network, start, X, Y, rate=0.1, epochs=5, batch=3)
    again = train(network, start, X, Y, rate=0.1, epochs=5, batch=3)
    assert all(np.array_equal(a, W) for a, (W, _) in zip(before, start, strict=True))
    assert np.random.get_state()[1].tolist() == state
    assert history.losses == again.losses
    assert len(history.losses) == 5


def test_a_full_batch_step_is_the_gradient_times_the_rate():
    network = mlp([2, 1], output="sigmoid", loss="bce", l2=0.1)
    start = network.initial(1)
    X, Y = np.eye(2), np.ones((2, 1))
    _, [(dW, db)] = network.compile().loss_and_gradients(start, X, Y)
    [(W, b)] = train(network, start, X, Y, rate=0.5, epochs=1).parameters
    assert np.allclose(W, start[0][0] - 0.5 * dW)
    assert np.allclose(b, start[0][1] - 0.5 * db)


@pytest.mark.parametrize("wrong", [{"rate": 0.0}, {"rate": math.inf}, {"epochs": -1}, {"batch": 0}])
def test_numbers_that_make_no_sense_are_refused(wrong):
    network = mlp([1, 1])
    with pytest.raises(DefinitionError):
        train(network, network.initial(0), [[1.0]], [[1.0]], **{"rate": 0.1, "epochs": 1, **wrong})


def test_logistic_regression_finds_the_boundary():
    found = logistic_regression()
    assert found.accuracy == 0.94
    assert found.losses[0] == pytest.approx(math.log(2))
    assert all(b <= a for a, b in zip(found.losses, found.losses[1:], strict=False))
    code = found.network.compile()
    assert np.allclose(code.forward(found.parameters, found.boundary), 0.5)
    assert found.probability.shape == found.grid_x.shape


def test_the_network_reads_digits():
    found = read_digits(epochs=15)
    assert found.accuracy > 0.94
    assert found.history.losses[-1] < found.history.losses[0] / 5
