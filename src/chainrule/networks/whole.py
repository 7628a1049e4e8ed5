"""A network as one definition, each layer two named equations of it, and its computational graph: the engine finds ∂z/∂W, ∂z/∂a, ∂a/∂z and ∂L/∂a."""

from dataclasses import replace
from functools import lru_cache
from typing import Any

from sympy import Sum

from ..calculus.graph import Graph, graph
from ..definition import Definition
from ..notation import dimension, index, matrix, vector
from .composition import composition
from .network import Network


def definition_of(network: Network) -> Definition:
    """The loss of one sample as a function of all weights and biases; the penalty is not part of it."""
    depth = network.depth
    last = composition(network.functions[-1], network.target, f"z__{depth}", f"a__{depth}", f"n_{depth}")
    below: Any = vector("x", dimension("n_0"))
    where: dict[Any, Any] = {}
    variables: list[Any] = []
    uses: dict[Definition, None] = {}
    parameters: dict[Any, float] = {}
    for place, function in enumerate(network.functions, 1):
        n, p = dimension(f"n_{place - 1}"), dimension(f"n_{place}")
        i, r, q, k = index("i", p), index("r", p), index("q", n), index("k", n)
        W, b = matrix(f"W__{place}", p, n), vector(f"b__{place}", p)
        z, a = vector(f"z__{place}", p), vector(f"a__{place}", p)
        where[z[i]] = Sum(W[i, k] * below[k], k) + b[i]
        variables += [W[r, q], b[r]]
        f = function.definition
        if place < depth:
            where[a[i]] = z[i] if f is None else f(z[i])
            if f is not None:
                uses[f] = None
                parameters |= f.parameters
        below = a
    return replace(
        last,
        wrt=tuple(variables),
        where=where | dict(last.where),
        uses=tuple(uses | dict.fromkeys(last.uses)),
        parameters={**parameters, **last.parameters},
        name="network",
    )


@lru_cache(maxsize=64)
def graph_of(network: Network) -> Graph:
    """The computational graph of the loss of one sample: x and y, each W^l and b^l, each z^l and a^l, L."""
    return graph(definition_of(network))
