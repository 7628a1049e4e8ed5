"""What functions of the catalogue and networks of its activations and losses ask of the search for stable forms.

python -m chainrule.networks.recorded    answers what is not recorded yet (`chainrule.codegen.recorded`), and forgets what nobody asks for any more"""

from functools import partial

from ..catalogue import builtin, entries, load
from ..codegen.recorded import function_of, update
from ..errors import DefinitionError
from .kernels import loss_kernels, slope_of, value_of
from .network import mlp
from .parts import IDENTITY, activation, loss_of


def activations() -> tuple[str, ...]:
    """Those of the catalogue that a layer can have, and the identity."""
    return (*(name for name in sorted(entries((builtin(),))) if _is_activation(name)), IDENTITY)


def _is_activation(name: str) -> bool:
    try:
        activation(name)
    except DefinitionError:
        return False
    return True


def losses() -> tuple[str, ...]:
    return tuple(name for name in sorted(entries((builtin(),))) if load(name).kind == "loss")


def activation_of(name: str) -> None:
    """Ask for the forms that a hidden layer needs."""
    found = activation(name)
    if found.definition is not None and not found.joint:
        value_of(found.definition)
        slope_of(found)


def loss_after(output: str, loss: str) -> None:
    """Ask for the forms that a loss needs after an output, if it can be that of a network."""
    try:
        mlp([1, 2], output=output, loss=loss)
    except DefinitionError:
        return
    loss_kernels(activation(output), loss_of(loss))


def main() -> None:
    """Bring the file up to date."""
    questions = {name: partial(function_of, name) for name in sorted(entries((builtin(),)))}
    questions |= {f"a layer of {name}": partial(activation_of, name) for name in activations()}
    questions |= {
        f"{loss} after {output}": partial(loss_after, output, loss) for loss in losses() for output in activations()
    }
    update(questions)


if __name__ == "__main__":
    main()
