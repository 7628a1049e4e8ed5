"""Finding derivation files without running them, and loading the definitions they state.

A derivation file lies in a folder that gives its kind (``derivations/activations/``), is named after its function
(``silu.py``), opens with a docstring that gives title and summary, and sets ``definition``. Nothing is registered:
what lies in the folder is the catalogue. Finding reads syntax only, so ``chainrule list`` needs no SymPy.
"""

import ast
import builtins
import hashlib
import os
import re
import traceback
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextvars import ContextVar
from dataclasses import dataclass, replace
from difflib import get_close_matches
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from .errors import ChainruleError, DefinitionError, UnknownName

if TYPE_CHECKING:
    from .definition import Definition

KINDS = {
    "activations": "activation",
    "losses": "loss",
    "layers": "layer",
    "networks": "network",
    "derivations": "function",
}
PACKAGE = Path(__file__).resolve().parent
ANY = "*"  # in ``Entry.uses``: a name that only running the file would tell


@dataclass(frozen=True)
class Entry:
    """What can be said of a derivation file from its text alone.

    line: where ``definition`` is set, or where the file is broken; 0 if unknown. uses: the names it passes to ``use``.
    digest: SHA-256 of the file. error: why the file cannot be loaded, empty if nothing is known against it."""

    name: str
    kind: str
    path: Path
    title: str = ""
    summary: str = ""
    aliases: tuple[str, ...] = ()
    uses: tuple[str, ...] = ()
    line: int = 0
    digest: str = ""
    error: str = ""

    @property
    def where(self) -> str:
        """File and line, as an error message names them."""
        return f"{shown(self.path)}:{self.line}" if self.line else shown(self.path)


@dataclass(frozen=True)
class Project:
    """The folders one build reads and writes. ``templates`` override the shipped ones; None: there are none."""

    derivations: Path
    templates: Path | None
    output: Path

    @property
    def is_builtin(self) -> bool:
        """Whether the project is the built-in catalogue itself."""
        return self.derivations == builtin()

    @property
    def folders(self) -> tuple[Path, ...]:
        """Where names are looked up: the project's own derivations first, then the built-in ones."""
        return (self.derivations,) if self.is_builtin else (self.derivations, builtin())


def shown(path: Path) -> str:
    """A path as messages print it: relative to the current directory where it lies below it."""
    here = Path.cwd()
    return path.relative_to(here).as_posix() if path.is_relative_to(here) else path.as_posix()


def shipped(folder: str, package: Path = PACKAGE) -> Path:
    """A folder that ships with the package: inside it in a wheel, two folders up in a checkout."""
    for place in (package / folder, package.parents[1] / folder):
        if place.is_dir():
            return place
    raise ChainruleError(f"the installation lacks its folder {folder}/: install chainrule again")


def builtin() -> Path:
    """The folder of the built-in derivations."""
    return shipped("derivations")


def project(
    derivations: str | os.PathLike[str] | None = None,
    templates: str | os.PathLike[str] | None = None,
    output: str | os.PathLike[str] | None = None,
) -> Project:
    """The project to work on.

    Without ``derivations``: the current directory's, if it has that folder, else the built-in catalogue. Templates are
    looked for beside the derivations; output goes to ``output/`` in the current directory.
    Raises DefinitionError for a folder that is named and does not exist."""
    here = Path.cwd() / "derivations"
    source = _folder(derivations) if derivations is not None else here if here.is_dir() else builtin()
    beside = source.parent / "templates"
    own = _folder(templates) if templates is not None else beside if beside.is_dir() else None
    if own == shipped("templates"):
        own = None
    return Project(source.resolve(), own, (Path.cwd() / (output if output is not None else "output")).resolve())


def _folder(path: str | os.PathLike[str]) -> Path:
    folder = Path(path).resolve()
    if not folder.is_dir():
        raise DefinitionError(f"{os.fspath(path)}: there is no such folder")
    return folder


# ---------------------------------------------------------------- finding


def entries(folders: Iterable[Path]) -> Mapping[str, Entry]:
    """The derivation files of some folders by name, by kind and then name; an earlier folder overrides a later one."""
    found: dict[str, Entry] = {}
    for folder in folders:
        taken = {_key(name) for entry in found.values() for name in (entry.name, *entry.aliases)}
        for name, entry in _entries(folder).items():
            free = tuple(alias for alias in entry.aliases if _key(alias) not in taken)
            found.setdefault(name, replace(entry, aliases=free))
    return {entry.name: entry for entry in sorted(found.values(), key=lambda entry: (entry.kind, entry.name))}


def _entries(folder: Path) -> dict[str, Entry]:
    found: dict[str, Entry] = {}
    taken: dict[str, Entry] = {}
    for path in sorted(folder.rglob("*.py")):
        if any(part.startswith(("_", ".")) for part in path.relative_to(folder).parts):
            continue
        entry = _read(path, path.read_bytes())
        for name in (entry.name, *entry.aliases):
            other = taken.setdefault(_key(name), entry)
            if other is not entry:
                entry = replace(entry, error=f"the name {name} is taken by {shown(other.path)}; rename one of them")
        if entry.name in found:  # it is reported, and must not hide the first
            entry = replace(entry, name=f"{path.parent.name}/{entry.name}", aliases=())
        found[entry.name] = entry
    return found


@lru_cache(maxsize=1024)
def _read(path: Path, text: bytes) -> Entry:
    folder = path.parent.name
    entry = Entry(path.stem, KINDS.get(folder, folder), path, digest=hashlib.sha256(text).hexdigest())
    if not entry.name.isidentifier():
        return replace(entry, error=f"{entry.name!r} cannot name a function: use letters, digits and _ only")
    try:
        module = ast.parse(text, path.name)
    except (SyntaxError, ValueError) as error:  # ValueError: a null byte
        line = getattr(error, "lineno", None) or 0
        return replace(entry, error=f"{type(error).__name__}: {getattr(error, 'msg', error)}", line=line)
    title, summary = _split(ast.get_docstring(module) or "")
    entry = replace(entry, title=title or _words(entry.name), summary=summary, uses=tuple(_uses(module)))
    for statement in module.body:
        if isinstance(statement, ast.Assign | ast.AnnAssign) and "definition" in _targets(statement):
            entry = replace(entry, line=statement.lineno, **_literals(statement.value))
    if isinstance(entry.aliases, str):
        entry = replace(entry, aliases=(), error=f"`aliases` is a tuple of names: write ({entry.aliases!r},)")
    return entry


def _split(docstring: str) -> tuple[str, str]:
    """Title and summary: what stands before the first colon or full stop, and the rest."""
    parts = re.split(r"[:.](?:\s+|$)", " ".join(docstring.split()), maxsplit=1)
    return parts[0], parts[1] if len(parts) > 1 else ""


def _words(name: str) -> str:
    words = name.replace("_", " ")
    return words[:1].upper() + words[1:]


def _targets(statement: ast.Assign | ast.AnnAssign) -> set[str]:
    targets = statement.targets if isinstance(statement, ast.Assign) else [statement.target]
    return {target.id for target in targets if isinstance(target, ast.Name)}


def _literals(call: ast.expr | None) -> dict[str, Any]:
    """The keywords of ``Definition(...)`` that an entry repeats, where they are written out."""
    found: dict[str, Any] = {}
    for keyword in call.keywords if isinstance(call, ast.Call) else ():
        if keyword.arg in {"aliases", "kind", "title", "summary"}:
            try:
                value = ast.literal_eval(keyword.value)
            except ValueError:
                continue
            found[keyword.arg] = tuple(value) if isinstance(value, list) else value
    return found


def _uses(module: ast.Module) -> Iterator[str]:
    for node in ast.walk(module):
        if isinstance(node, ast.Call) and "use" in (getattr(node.func, "id", ""), getattr(node.func, "attr", "")):
            name = node.args[0] if node.args else None
            yield name.value if isinstance(name, ast.Constant) and isinstance(name.value, str) else ANY


def resolve(name: str, catalogue: Mapping[str, Entry]) -> Entry:
    """The entry with this name or alias; upper case and hyphens do not matter.

    Raises UnknownName, with near names, for any other."""
    if name in catalogue:
        return catalogue[name]
    known = {_key(alias): entry for entry in catalogue.values() for alias in entry.aliases}
    known |= {_key(entry.name): entry for entry in catalogue.values()}
    if _key(name) in known:
        return known[_key(name)]
    near = get_close_matches(_key(name), known, n=3)
    advice = f"did you mean {_either(near)}?" if near else "`chainrule list` shows them all"
    raise UnknownName(f"no derivation named {name!r}; {advice}")


def _key(name: str) -> str:
    return name.casefold().replace("-", "_")


def _either(names: Sequence[str]) -> str:
    return " or ".join(filter(None, [", ".join(names[:-1]), names[-1]]))


def closure(entry: Entry, catalogue: Mapping[str, Entry]) -> tuple[Entry, ...]:
    """The entry and everything it uses, directly or not, by name. Names that cannot be found are left to loading."""
    found: dict[str, Entry] = {}
    waiting = [entry]
    while waiting:
        current = waiting.pop()
        if current.name in found:
            continue
        found[current.name] = current
        for name in current.uses:
            if name == ANY:
                waiting.extend(catalogue.values())
                continue
            try:
                waiting.append(resolve(name, catalogue))
            except UnknownName:
                continue
    return tuple(found[name] for name in sorted(found))


def fingerprint(entry: Entry, catalogue: Mapping[str, Entry]) -> str:
    """A digest that changes when the file, its place, or a file it uses changes."""
    parts = [f"{used.kind}/{used.name} {used.digest}" for used in closure(entry, catalogue)]
    return hashlib.sha256("\n".join([entry.name, *parts]).encode()).hexdigest()


# ---------------------------------------------------------------- loading

_LOADED: dict[tuple[Path, tuple[Path, ...], str], "Definition"] = {}
_LOADING: ContextVar[tuple[Project, tuple[str, ...]] | None] = ContextVar("_LOADING", default=None)


def load(name: str | Entry, within: Project | None = None) -> "Definition":
    """Run a derivation file and take its ``definition``, completed by what the file's place and docstring say.

    within: the project whose names are looked up; default: the one of the current directory.
    Raises UnknownName for a name that is not there, DefinitionError, with file and line, for a file that fails."""
    within = within or project()
    catalogue = entries(within.folders)
    entry = resolve(name, catalogue) if isinstance(name, str) else name
    if entry.error:
        raise DefinitionError(f"{entry.where}: {entry.error}")
    key = (entry.path, within.folders, fingerprint(entry, catalogue))
    if key not in _LOADED:
        outer = _LOADING.get()
        chain = (*(outer[1] if outer else ()), entry.name)
        if entry.name in chain[:-1]:
            raise DefinitionError("these definitions use each other in a circle: " + " → ".join(chain))
        token = _LOADING.set((within, chain))
        try:
            _LOADED[key] = _completed(_run(entry), entry)
        finally:
            _LOADING.reset(token)
    return _LOADED[key]


def use(name: str) -> "Definition":
    """Another definition, by name or alias, for a derivation file to build on: the project's own, else the built-in."""
    outer = _LOADING.get()
    return load(name, outer[0] if outer else None)


def _run(entry: Entry) -> "Definition":
    from .definition import Definition

    file = str(entry.path)
    namespace: dict[str, Any] = {"__name__": entry.name, "__file__": file, "__builtins__": builtins}
    try:
        exec(compile(entry.path.read_bytes(), file, "exec"), namespace)
    except (Exception, SystemExit) as error:
        lines = [frame.lineno or 0 for frame in traceback.extract_tb(error.__traceback__) if frame.filename == file]
        what = str(error) if isinstance(error, ChainruleError) else f"{type(error).__name__}: {error}"
        raise DefinitionError(f"{replace(entry, line=lines[-1] if lines else 0).where}: {what}") from error
    found = namespace.get("definition")
    if not isinstance(found, Definition):
        what = "none" if found is None else f"a value of type {type(found).__name__}"
        raise DefinitionError(f"{shown(entry.path)}: set `definition = Definition(...)`; found {what}")
    return found


def _completed(definition: "Definition", entry: Entry) -> "Definition":
    kind = definition.kind or entry.kind
    return definition.named(
        name=entry.name,
        kind=kind,
        title=definition.title or entry.title,
        summary=definition.summary or entry.summary,
        symbol=definition.symbol or ("L" if kind == "loss" else _operator(entry)),
    )


def _operator(entry: Entry) -> str:
    """How a function without a symbol is written: by a title of one or two words, ``LeakyReLU``, else by its name."""
    words = re.split(r"[,;(]", entry.title)[0].split()
    written = "".join(words) if len(words) <= 2 else ""
    return written if written.isalnum() and written.isidentifier() else _words(entry.name).title().replace(" ", "")
