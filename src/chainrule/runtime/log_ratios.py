"""Logarithms of quotients and sums of them, such as a Kullback-Leibler divergence, that keep their digits where the quotient is near 1 or no normal number,
and where the terms cancel. NumPy only."""

from typing import Any

import numpy as np

from .arrays import Array
from .digits import twice_sum
from .extended import NEAR, Twice
from .reductions import pairwise_sum, weighted
from .scalar import quotient

FAR = 0.98
"""The part of the largest logarithm from which a quotient may be no normal number."""


def log_ratio(above: Any, below: Any) -> Array:
    """log(above/below), element by element; 0/0 counts as 0.

    Of a quotient near 1 it is taken through the difference, which is exact; of one that overflows or has lost digits, the logarithms are subtracted, which
    are of about its size."""
    above, below = np.broadcast_arrays(above, below)
    ratio = quotient(above, below)
    found = np.array(np.log(ratio))
    size = np.abs(found)
    near = size < NEAR
    found[near] = np.log1p((above[near] - below[near]) / below[near])
    far = (size > FAR * np.log(np.finfo(found.dtype).max)) & (above != 0) & (below != 0)
    found[far] = np.log(np.copysign(above[far], ratio[far])) - np.log(np.abs(below[far]))
    return found


def log_ratio_sum(weight: Any, above: Array, below: Array) -> Array:
    """Σ weight log(above/below) along the last axis; a term of weight 0 is 0. Where the sum is small beside its terms it is computed again in twice the
    digits."""
    weight, above, below = np.broadcast_arrays(weight, above, below)
    terms = np.asarray(weighted(weight, log_ratio(above, below)))
    found = np.array(pairwise_sum(terms))
    near = np.abs(found) < NEAR * pairwise_sum(np.abs(terms))
    if near.any():
        here = (np.where(weight[near] == 0, 1.0, each[near]) for each in (above, below))
        again = twice_sum(Twice(weight[near]) * _in_twice(*here))
        found[near] = again.high + again.low
    return found


def _in_twice(above: Array, below: Array) -> Twice:
    """log(above/below) of numbers of any size."""
    (a, m), (b, n) = np.frexp(above), np.frexp(below)
    return (Twice(a) / Twice(b)).ln().plus(Twice(2.0).ln() * Twice((m - n).astype(np.float64)))
