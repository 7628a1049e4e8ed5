"""Pieces of the text of generated code for functions of vectors."""

import ast
from collections import Counter
from fractions import Fraction


def letters_for(indices: tuple[str, ...]) -> dict[str, str]:
    """A letter for each index, its own where that is one."""
    found: dict[str, str] = {}
    for index in dict.fromkeys(indices):
        free = [a for a in "abcdefghijklmnopqrstuvwxyz" if a not in found.values() and a not in indices]
        found[index] = index if len(index) == 1 and index.isascii() and index.isalpha() else free[0]
    return found


def number_text(value: Fraction) -> str:
    exact = value.denominator & (value.denominator - 1) == 0 and value.denominator < 1 << 20
    return repr(float(value)) if exact else f"({value.numerator} / {value.denominator})"


def binding_of(code: str) -> int:
    """How tightly a piece of text holds together: 0 a sum or a leading minus, 1 a product, 2 an atom."""
    depth, least = 0, 2
    previous = ""
    inside = False
    for position, mark in enumerate(code):
        if mark == '"':
            inside = not inside
        if inside:
            continue
        depth += mark in "(["
        depth -= mark in ")]"
        if depth:
            continue
        if mark in "+-" and (position == 0 or previous == " "):
            least = 0
        elif mark in "*/" and previous == " ":
            least = min(least, 1)
        previous = mark
    return least


NAMED = {"np.exp": "e", "complement": "rest"}
"""Calls that get a name where a statement has them several times."""


def named_once(lines: list[str], taken: set[str]) -> list[str]:
    """Calls that the last statement has several times, of each function of `NAMED` one, get names."""
    for function, name in NAMED.items():
        calls = Counter(
            ast.unparse(node)
            for node in ast.walk(ast.parse(lines[-1].removeprefix("return ")))
            if isinstance(node, ast.Call) and ast.unparse(node.func) == function
        )
        text = next((each for each, times in calls.items() if times > 1 and lines[-1].count(each) == times), "")
        if text:
            own = {
                node.id
                for line in lines
                for node in ast.walk(ast.parse(line.removeprefix("return ")))
                if isinstance(node, ast.Name)
            }
            free = next(each for each in (name, *(f"{name}{k}" for k in range(1, 100))) if each not in taken | own)
            lines = [*lines[:-1], f"{free} = {text}", lines[-1].replace(text, free)]
    return lines
