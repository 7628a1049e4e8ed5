"""What the functions that generated code calls do to single elements, bit for bit as they do it to arrays.

A row is a text in the operands {0}, {1}, …, names or constants, and in constants of the loop's own type; where it takes several lines, {r} is the result."""

import math

OUTSIDE, LOST, UNDEFINED = 1, 2, 4
"""The bits that loops return of an element outside the bounds of the code, of one for which a formula has no value in them, and of one that is outside the
domain of the function, or NaN."""
ELEMENTS = {
    "np.add": "{0} + {1}",
    "np.subtract": "{0} - {1}",
    "np.multiply": "{0} * {1}",
    "np.divide": "{0} / {1}",
    "np.negative": "-{0}",
    "np.abs": "abs({0})",
    "np.sqrt": "math.sqrt({0})",
    "np.copysign": "math.copysign({0}, {1})",
    "np.sign": "ONE if {0} > ZERO else -ONE if {0} < ZERO else abs({0})",
    "np.less": "{0} < {1}",
    "np.less_equal": "{0} <= {1}",
    "np.greater": "{0} > {1}",
    "np.greater_equal": "{0} >= {1}",
    "np.equal": "{0} == {1}",
    "np.not_equal": "{0} != {1}",
    "np.isnan": "{0} != {0}",
    "np.isinf": "abs({0}) == INF",
    "np.isfinite": "abs({0}) < INF",
    "np.logical_and": "{0} & {1}",
    "np.logical_or": "{0} | {1}",
    "np.logical_not": "not {0}",
    "np.maximum": "{0} if ({0} > {1}) | ({0} != {0}) else {1}",
    "np.minimum": "{0} if ({0} < {1}) | ({0} != {0}) else {1}",
    "at_least": "{0} if ({0} >= {1}) | ({0} != {0}) else {1}",
    "at_most": "{0} if ({0} <= {1}) | ({0} != {0}) else {1}",
    "at_least_constant": "{1} if {0} < {1} else {0}",
    "at_most_constant": "{1} if {0} > {1} else {0}",
    "select": "{1} if {0} else {2}",
    "clipped": "{r}_low = {0} if ({0} >= -{1}) | ({0} != {0}) else -{1}\n{r} = {r}_low if ({r}_low <= {1}) | ({r}_low != {r}_low) else {1}",
    "product": "ZERO if (({0} == ZERO) & (abs({1}) == INF)) | (({1} == ZERO) & (abs({0}) == INF)) else {0} * {1}",
    "quotient": "ZERO if ({0} == ZERO) & ({1} == ZERO) else {0} / {1}",
    "lost": "{r}_s = {0} - {1}\n{r}_back = {r}_s - {0}\n{r}_rest = ({0} - ({r}_s - {r}_back)) - ({1} + {r}_back)\n"
    "{r} = {r}_rest if abs({r}_rest) < INF else ZERO",
    "product_plus": "fma({0}, {1}, {2})",
    "product_less": "fma({0}, {1}, -{2})",
    "less_product": "fma(-{0}, {1}, {2})",
}
"""By the text of the function. Of two equal zeros np.maximum takes the second, a limit that is a number leaves the first."""
CONTRACTED = {"np.add": ("product_plus", "product_plus"), "np.subtract": ("product_less", "less_product")}
"""By the function, what it becomes where its first operand is a product, and where its second one is: of the factors and the other operand."""
OF_ARRAYS = {"at_least": "np.maximum", "at_most": "np.minimum"}
"""What limits are that are arrays."""
OF_CONSTANTS = {"at_least": "at_least_constant", "at_most": "at_most_constant"}
"""And those that are constants, which are not NaN: with one comparison they are made for several elements at once."""
TRUTHS = {"np.less", "np.less_equal", "np.greater", "np.greater_equal", "np.equal", "np.not_equal", "np.isnan", "np.isinf", "np.isfinite",
          "np.logical_and", "np.logical_or", "np.logical_not"}  # fmt: skip
"""Those that give truth values."""
HIDE_NAN = {*TRUTHS, "lost", "np.copysign"}
"""Those whose result may be a number though an operand is NaN."""
HEAVY = (
    {
        **{f"np.{name}": "elementary" for name in ("exp", "expm1", "log", "log1p", "tanh", "sinh", "cosh")},
        **dict.fromkeys(("exp_below", "exp_between", "cosh_between", "log1p_between"), "elementary"),
    }
    | {"exp_normal": "exponential"}
    | dict.fromkeys(("normal_gate", "normal_gate_slope", "logistic_gate_slope"), "gates")
)
"""Functions of many operations, by the module here that computes them."""


def is_element(function: str) -> bool:
    """Whether a loop computes the function; else it is called."""
    return function in ELEMENTS or function in HEAVY


def row(function: str) -> str:
    """The text of a function of elements."""
    return ELEMENTS.get(function) or f"{bare(function)}({{0}})"


def number(x: float) -> str:
    """A constant in the text of a loop."""
    if x != x or abs(x) == math.inf:
        return "NAN" if x != x else "INF" if x > 0 else "-INF"
    return f"KIND({x!r})"


def bare(function: str) -> str:
    """Its name in the module that computes it."""
    return function.removeprefix("np.")
