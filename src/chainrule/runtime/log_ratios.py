"""Sums of logarithms of quotients, such as a Kullback-Leibler divergence, that keep their digits where the terms cancel. NumPy only."""

from typing import Any

import numpy as np

from .extended import NEAR, Twice
from .reductions import Array, pairwise_sum, twice_sum, weighted
from .scalar import quotient


def log_ratio_sum(weight: Any, above: Array, below: Array) -> Array:
    """Σ weight log(above/below) along the last axis; a term of weight 0 is 0.

    Of a quotient near 1 the logarithm is taken through the difference, which is exact. Where the sum is small beside its terms it is computed again
    in twice the digits."""
    weight, above, below = np.broadcast_arrays(weight, above, below)
    terms = np.asarray(weighted(weight, _log_ratio(above, below)))
    found = np.array(pairwise_sum(terms))
    near = np.abs(found) < NEAR * pairwise_sum(np.abs(terms))
    if near.any():
        here = [np.where(weight[near] == 0, 1.0, each[near]) for each in (above, below)]
        again = twice_sum(Twice(weight[near]) * (Twice(here[0]) / Twice(here[1])).ln())
        found[near] = again.high + again.low
    return found


def _log_ratio(above: Array, below: Array) -> Array:
    found = np.log(quotient(above, below))
    near = np.abs(found) < NEAR
    return np.where(near, np.log1p((above - below) / np.where(near, below, 1.0)), found) if near.any() else found
