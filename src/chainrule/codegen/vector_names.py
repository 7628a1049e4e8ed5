"""Names in the generated code of functions of vectors: those that are taken, and those that cannot be given."""

import keyword

from ..errors import DefinitionError
from .vector_spec import VectorSpec
from .vocabulary import WORDS

RUNTIME = (
    "balanced", "balanced_at", "centred", "complement", "counted", "deviations", "divergence", "dot", "entry", "exponential_sum", "exponential_total", "exponentials", "far_rows", "less_mean", "less_one_hot", "less_probability", "less_target",
    "log_det", "log_odds", "log_ratio", "log_ratio_sum", "log_rest", "log_sum", "log_sum_exp", "one_hot", "pairwise_sum", "refined_rows", "shifted", "shifted_entry", "signed_sum", "total", "weighted", "without",
)  # fmt: skip
SCALAR_RUNTIME = tuple(sorted({word.runtime for word in WORDS if word.runtime} | {"refined"}))
IN_KERNELS = ("erf", "erfc", "product", "quotient")
"""Those of them that kernels call, and not functions of numbers alone."""
RESERVED = {
    "np",
    "Array",
    "Derivatives",
    "Input",
    "VectorFunction",
    "axis",
    "reduction",
    "wrt",
    *RUNTIME,
    *IN_KERNELS,
}


def identifier(name: str) -> str:
    if name.startswith("inv("):
        return f"{identifier(name[4:-1])}_inverse"
    cleaned = "".join(c if c.isalnum() or c == "_" else "_" for c in name)
    return cleaned if cleaned.isidentifier() else f"q_{cleaned}"


def check_names(spec: VectorSpec) -> None:
    """Raises DefinitionError for a name that cannot stand in the generated code. That of the function may be that of a routine which the code does not call."""
    names = [one.name for one in spec.inputs]
    for name in names:
        if not _is_possible(name) or name in RESERVED:
            raise DefinitionError(
                f'{spec.name}: {name!r} cannot be a name in the generated code; give another in `arguments`, such as {{"weight": {name}}}'
            )
    if not _is_possible(spec.name) or spec.name in RESERVED - {*RUNTIME}:
        raise DefinitionError(f"{spec.name!r} cannot be a name in the generated code; choose another for the function")
    if len(set(names)) < len(names):
        raise DefinitionError(f"{spec.name}: two inputs share a name: {', '.join(names)}")


def _is_possible(name: str) -> bool:
    return name.isidentifier() and not keyword.iskeyword(name)
