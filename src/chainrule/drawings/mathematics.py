"""How large a formula is, and its outline: Matplotlib sets it, in the letters of the plots."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from ..errors import RenderError
from ..plots import mathtext


@dataclass(frozen=True)
class Extent:
    """In points: the width, and how far the formula reaches above and below its baseline."""

    width: float
    above: float
    below: float


@lru_cache(maxsize=4)
def _font(size: float) -> Any:
    try:
        from matplotlib.font_manager import FontProperties
    except ImportError as error:
        raise RenderError("a drawing needs the package `matplotlib`: pip install 'chainrule[book]'") from error
    return FontProperties(family="STIXGeneral", math_fontfamily="stix", size=size)


def _display(latex: str) -> str:
    return mathtext(latex).replace(r"\frac", r"\dfrac")


@lru_cache(maxsize=1024)
def extent(latex: str, size: float) -> Extent:
    font = _font(size)
    from matplotlib.textpath import text_to_path

    width, height, below = text_to_path.get_text_width_height_descent(_display(latex), font, ismath=True)
    return Extent(float(width), float(height - below), float(below))


def can_be_set(latex: str) -> bool:
    """Whether the dialect of Matplotlib knows everything in a formula: it has no case distinctions."""
    font = _font(10.0)
    from matplotlib.textpath import text_to_path

    try:
        text_to_path.get_text_width_height_descent(_display(latex), font, ismath=True)
    except ValueError:
        return False
    return True


@dataclass(frozen=True)
class Glyph:
    """A letter of a formula by its key, its place and its size; a stroke of a fraction or a root has none and is a rectangle."""

    key: str
    x: float
    y: float
    scale: float


@dataclass(frozen=True)
class Outline:
    """A formula as outlines, its baseline starting at (0, 0), y downwards. shapes: the path of each letter, by key."""

    glyphs: tuple[Glyph, ...]
    bars: tuple[tuple[float, float, float, float], ...]
    shapes: Mapping[str, str]


_LETTERS = {1: "M", 2: "L", 3: "Q", 4: "C", 79: "Z"}


@lru_cache(maxsize=1024)
def outline(latex: str, size: float) -> Outline:
    font = _font(size)
    from matplotlib.textpath import text_to_path

    placed, shapes, bars = text_to_path.get_glyphs_mathtext(font, _display(latex))
    unit = size / text_to_path.FONT_SCALE
    glyphs = tuple(Glyph(key, x * unit, -y * unit, scale * unit) for key, x, y, scale in placed)
    boxes = []
    for corners, _ in bars:
        xs, ys = [x * unit for x, _ in corners[:4]], [-y * unit for _, y in corners[:4]]
        boxes.append((min(xs), min(ys), max(xs) - min(xs), max(ys) - min(ys)))
    paths = {key: _path(points, codes) for key, (points, codes) in shapes.items()}
    return Outline(glyphs, tuple(boxes), paths)


def _path(points: Any, codes: Any) -> str:
    from matplotlib.path import Path

    pieces = []
    for numbers, code in Path(points, codes).iter_segments(simplify=False):
        pairs = [] if code == 79 else zip(numbers[::2], numbers[1::2], strict=True)
        pieces.append(_LETTERS[int(code)] + " ".join(f"{tenth(x)} {tenth(-y)}" for x, y in pairs))
    return "".join(pieces)


def tenth(value: float) -> str:
    return f"{value:.1f}".removesuffix(".0") if round(value, 1) else "0"


def short(value: float) -> str:
    """A coordinate to a hundredth of a point."""
    return f"{value:.2f}".rstrip("0").rstrip(".") if round(value, 2) else "0"
