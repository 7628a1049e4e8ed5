"""The loss after the output activation as one definition, a = f(z) a named equation of it: the engine finds δ = ∂L/∂z."""

from typing import Any

import sympy
from sympy import Sum

from ..definition import Definition
from ..notation import dimension, index, one_hot, scalar, vector
from .parts import Activation, Loss


def composition(
    output: Activation, loss: Loss, z: str = "z", a: str = "a", size: str = "K", apart: bool = False
) -> Definition:
    """L of the inputs z of an output layer, for one sample: the sum over the outputs where the loss is one of single numbers.
    apart: logarithms of quotients taken apart, which keeps digits where an output is close to 0."""
    K = dimension(size)
    i, j, k = index("i", K), index("j", K), index("k", K)
    inputs, outputs = vector(z, K), vector(a, K)
    target: Any = loss.target
    if loss.joint:
        if not loss.of_class:
            target = one_hot("y", K) if loss.sums_to_one else vector("y", K)
        expression = _placed(loss.definition.expression, {loss.prediction: outputs, loss.target: target}, K)
        expression = sympy.expand_log(expression, force=True) if apart else expression
        target = index(str(target.label), K) if loss.of_class else target
    else:
        target = vector("y", K)
        expression = Sum(loss.definition.expression.xreplace({loss.prediction: outputs[k], loss.target: target[k]}), k)
    return Definition(
        expression,
        wrt=inputs[j],
        where={outputs[i]: _formula(output, inputs, i, K)},
        uses=_uses(output, loss),
        arguments={"z": inputs, "y": target},
        parameters=_parameters(output, loss),
        domain=_domains(output, loss),
        symbol="L",
        kind="loss",
        name=f"{output.name}_{loss.name}",
    )


def single(output: Activation, loss: Loss) -> Definition | None:
    """The same for one output alone, where the loss is a sum over the outputs; None where output or loss takes them together.
    A mean over the outputs keeps its 1/K, a parameter of the code."""
    term = term_of(loss)
    if output.joint or term is None:
        return None
    z, a, y = scalar("z"), scalar("a"), scalar("y")
    prediction, target, expression = term
    f = output.definition
    domain = {**_domains(output, loss), **({} if loss.values == sympy.Reals else {y: loss.values})}
    return Definition(
        expression.xreplace({prediction: a, target: y}),
        wrt=z,
        where={a: z if f is None else f(z)},
        uses=_uses(output, loss),
        arguments={"z": z, "y": y},
        parameters=_parameters(output, loss),
        domain=domain,
        symbol="L",
        kind="loss",
        name=f"{output.name}_{loss.name}",
    )


def term_of(loss: Loss) -> tuple[Any, Any, Any] | None:
    """Prediction, target and loss of one output, where the loss is one of single numbers or a sum over them (without a factor in front)."""
    if not loss.joint:
        return loss.prediction, loss.target, loss.definition.expression
    _, total = factored(loss)
    if loss.of_class or not isinstance(total, Sum):
        return None
    k = total.limits[0][0]
    places = {loss.prediction[k], loss.target[k]}
    if (
        total.function.atoms(sympy.Indexed) - places
        or k in total.function.xreplace(dict.fromkeys(places, sympy.S.One)).free_symbols
    ):
        return None
    return loss.prediction[k], loss.target[k], total.function


def factored(loss: Loss) -> tuple[Any, Any]:
    """The loss as a factor, of numbers and the dimension alone, times the rest; a minus sign goes inside the sum."""
    if not loss.joint:
        return sympy.S.One, loss.definition.expression
    factor, rest = loss.definition.expression.as_independent(sympy.Sum, as_Add=False)
    if isinstance(rest, Sum) and factor.is_number:
        return sympy.S.One, Sum(factor * rest.function, *rest.limits)
    return factor, rest


def _placed(expression: Any, bases: dict[Any, Any], K: Any) -> Any:
    """The expression over other vectors and another dimension."""
    sizes = {i.upper + 1 for i in expression.atoms(sympy.Idx)}
    at = {i: index(str(i.label), K) for i in expression.atoms(sympy.Idx)}
    components = {
        c: bases[c.base][tuple(at[i] for i in c.indices)] for c in expression.atoms(sympy.Indexed) if c.base in bases
    }
    return expression.xreplace({**components, **at, **dict.fromkeys(sizes, K)})


def _formula(output: Activation, z: Any, i: Any, K: Any) -> Any:
    f = output.definition
    if f is None:
        return z[i]
    if not output.joint:
        return f(z[i])
    own = f.wrt[0].base
    inner = _placed(f.expression, {own: z}, K)
    return inner.xreplace({index(str(f.index.label), K): i})


def _uses(output: Activation, loss: Loss) -> tuple[Definition, ...]:
    f = output.definition
    return ((f,) if f is not None and not output.joint else ()) + loss.definition.uses


def _parameters(output: Activation, loss: Loss) -> dict[Any, float]:
    own = {} if output.definition is None else output.definition.parameters
    return {**own, **loss.definition.parameters}


def _domains(output: Activation, loss: Loss) -> dict[Any, Any]:
    """The domains of the parameters."""
    both = {**({} if output.definition is None else output.definition.domain), **loss.definition.domain}
    return {p: both[p] for p in _parameters(output, loss) if p in both}
