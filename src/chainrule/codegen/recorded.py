"""Stable forms that have been found. A search takes up to a minute and the same question has the same answer, so the answers for the
catalogue and for networks of it, searched for thoroughly, are kept with the package, in data/stable_forms.json; any other question is searched for when
it is asked, and its answer kept in the user's cache. `chainrule.networks.recorded` is the command that brings the file of the package up to date.

An answer is kept under a digest of its question: the expression, its points, and the source of the search itself."""

import ast
import hashlib
import json
import multiprocessing
import os
from collections.abc import Callable, Mapping
from concurrent.futures import ProcessPoolExecutor, as_completed
from contextlib import suppress
from contextvars import ContextVar
from functools import lru_cache
from pathlib import Path
from typing import Any

import sympy
from sympy import Expr, Symbol, srepr
from sympy.core.function import UndefinedFunction
from sympy.core.symbol import Str
from sympy.functions.elementary.piecewise import ExprCondPair

from chainrule.catalogue import PACKAGE, load
from chainrule.codegen import vocabulary
from chainrule.codegen.printing import body
from chainrule.codegen.stable import QUICK, THOROUGH, Effort, Measured, Problem, Stable, Step, stabilise
from chainrule.errors import ChainruleError, VerificationError

FILE = PACKAGE / "data" / "stable_forms.json"
SEARCH = (
    "balls.py",
    *(
        f"codegen/{name}.py"
        for name in (
            "cost",
            "evaluation",
            "expansion",
            "fits",
            "mends",
            "model",
            "points",
            "printing",
            "reference",
            "regions",
            "rewrites",
            "stable",
            "templates",
            "ulp",
            "vocabulary",
        )
    ),
    "runtime/arithmetic.py",
    "runtime/exponents.py",
    "runtime/extended.py",
    "runtime/pairs.py",
    "runtime/programs.py",
    "runtime/special.py",
    "runtime/twice.py",
    "runtime/waves.py",
)
"""The files on which the outcome of a search depends."""
WORDS = {each.__name__: each for each in vars(vocabulary).values() if isinstance(each, UndefinedFunction)}

EFFORT: ContextVar[Effort] = ContextVar("effort", default=QUICK)
"""How hard a question is searched for that is not on record."""

Record = dict[str, Any]
_known: dict[str, Stable | VerificationError] = {}


def stable_form(stated: Problem, names: Mapping[Symbol, str]) -> Stable:
    """As `stabilise`: the form on record, else searched for, once in a process."""
    key = key_of(stated, names)
    if key not in _known:
        _known[key] = _revived(records()[key], stated, names) if key in records() else _searched(stated, names, key)
    found = _known[key]
    if isinstance(found, VerificationError):
        raise found
    return found


def key_of(stated: Problem, names: Mapping[Symbol, str]) -> str:
    """The digest of a question."""
    symbols = [(srepr(symbol), names[symbol]) for symbol in stated.symbols]
    question = (srepr(stated.expr), symbols, stated.points, stated.reference.domains, stated.limit, search_digest())
    return hashlib.sha256(repr(question).encode()).hexdigest()[:24]


@lru_cache(maxsize=1)
def search_digest() -> str:
    """A digest of the search, without its comments and layout."""
    sources = (ast.unparse(ast.parse((PACKAGE / name).read_text(encoding="utf-8"))) for name in SEARCH)
    return hashlib.sha256("\n".join(sources).encode()).hexdigest()


@lru_cache(maxsize=1)
def records() -> Mapping[str, Record]:
    """What has been recorded, by key."""
    found: dict[str, Record] = json.loads(FILE.read_text(encoding="utf-8")) if FILE.exists() else {}
    return found


def _searched(stated: Problem, names: Mapping[Symbol, str], key: str) -> Stable | VerificationError:
    effort = EFFORT.get()
    if effort is QUICK and (kept := _kept(key)):
        return _revived(kept, stated, names)
    try:
        found: Stable | VerificationError = stabilise(stated, names, effort)
    except VerificationError as error:
        found = error
    return _keep(key, found, names) if effort is QUICK else found


def _kept(key: str) -> Record | None:
    """An answer in the user's cache."""
    try:
        found: Record = json.loads((cache() / f"{key}.json").read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    return found


def _keep(key: str, found: Stable | VerificationError, names: Mapping[Symbol, str]) -> Stable | VerificationError:
    """Keep an answer there, whole or not at all, if there can be a file; gives it as it will come back, or as it is where that would be another one."""
    record = as_record(found)
    if isinstance(found, Stable):
        again = _revived(record, found.problem, names)
        if not isinstance(again, Stable) or again.body != found.body:
            return found
        found = again
    path = cache() / f"{key}.json"
    staged = path.with_name(f"{key}.{os.getpid()}")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        staged.write_text(json.dumps(record), encoding="utf-8")
        os.replace(staged, path)
    except OSError:
        with suppress(OSError):
            staged.unlink(missing_ok=True)
    return found


def cache() -> Path:
    """The folder of the user's cache where answers are kept."""
    home = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(home) / "chainrule" / "forms"


# ---------------------------------------------------------------- one record


def as_record(found: Stable | VerificationError) -> Record:
    """What is found, as JSON has it."""
    if isinstance(found, VerificationError):
        return {"error": str(found)}
    return {
        "of": str(found.problem.expr),
        "rules": list(found.rules),
        "measured": _measured_record(found.measured),
        "naive": _measured_record(found.naive),
        "tolerance": found.tolerance,
        "form": srepr(found.expr),
        "steps": [[list(step.rules), srepr(step.expr)] for step in found.steps],
    }


def _measured_record(found: Measured) -> Record:
    return {"ulp": found.ulp, "at": found.at, "got": found.got, "wanted": found.wanted}


def _revived(record: Record, stated: Problem, names: Mapping[Symbol, str]) -> Stable | VerificationError:
    if "error" in record:
        return VerificationError(record["error"])
    expr = _expression(record["form"])
    return Stable(
        expr=expr,
        body=body(expr, names),
        tolerance=record["tolerance"],
        measured=_measured(record["measured"]),
        rules=tuple(record["rules"]),
        naive=_measured(record["naive"]),
        naive_body=body(stated.expr, names),
        problem=stated,
        steps=tuple(Step(tuple(rules), _expression(text)) for rules, text in record["steps"]),
    )


def _measured(record: Record) -> Measured:
    at = record["at"]
    return Measured(record["ulp"], None if at is None else tuple(at), record["got"], record["wanted"], ())


def _expression(text: str) -> Expr:
    """The inverse of `srepr`, which writes a word of the vocabulary as `Function('name')`, but for a product that SymPy was kept from multiplying out: -(y - 1) comes back as 1 - y."""
    known = {"Function": lambda name: WORDS.get(name) or sympy.Function(name), "Str": Str, "ExprCondPair": ExprCondPair}
    found: Expr = eval(text, {**vars(sympy), **known})
    return found


# ---------------------------------------------------------------- bringing the file up to date


def asked(ask: Callable[[], None]) -> dict[str, Record]:
    """What has been asked for in this process so far, when one more has been asked for."""
    EFFORT.set(THOROUGH)
    try:
        ask()
    except ChainruleError as error:
        print(error)
    return {key: as_record(found) for key, found in _known.items()}


def function_of(name: str) -> None:
    """Ask for the forms that a function of the catalogue needs."""
    from chainrule.calculus.derive import derive_all
    from chainrule.codegen.modules import module_source

    definition = load(name)
    if not definition.called_any:
        module_source(definition, derive_all(definition))


def update(questions: Mapping[str, Callable[[], None]]) -> None:
    """Answer what is not recorded yet, and forget what nobody asks for any more. questions: by name, what asks for forms in a process of its own."""
    found: dict[str, Record] = {}
    with ProcessPoolExecutor(mp_context=multiprocessing.get_context("spawn")) as pool:
        futures = {pool.submit(asked, ask): name for name, ask in questions.items()}
        for count, future in enumerate(as_completed(futures), 1):
            found |= future.result()
            print(f"{count}/{len(futures)} {futures[future]}", flush=True)
    FILE.write_text(json.dumps(dict(sorted(found.items())), indent=1) + "\n", encoding="utf-8")
