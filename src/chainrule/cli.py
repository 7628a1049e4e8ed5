"""The command ``chainrule``: list, show, build, verify. Everything heavy is imported by the command that needs it."""

import errno
import io
import json
import math
import os
import re
import shutil
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from .errors import ChainruleError

if TYPE_CHECKING:
    from rich.table import Table

    from .build import Failure
    from .catalogue import Project
    from .report import Detail

FORMATS = ("md", "tex", "pdf")
MARGIN = 100  # the widest text that is still read with ease


class _Commands(click.Group):
    """Commands whose expected errors are one line on stderr and exit code 1."""

    def invoke(self, ctx: click.Context) -> Any:
        try:
            return super().invoke(ctx)
        except ChainruleError as error:
            raise click.ClickException(str(error)) from error
        except OSError as error:
            if error.errno == errno.EPIPE:  # the reader of a pipe has gone: click ends quietly
                raise
            message = f"{error.filename}: {error.strerror}" if error.filename else str(error)
            raise click.ClickException(message) from error


@click.group(cls=_Commands, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="chainrule")
def main() -> None:
    """Derive the gradients of neural networks line by line, check every line, write it up."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(encoding="utf-8")  # a formula must not depend on the locale


def _formats(_context: click.Context, _parameter: click.Parameter, value: str | None) -> tuple[str, ...]:
    if value is None:
        return ()
    formats = tuple(dict.fromkeys(part.strip() for part in value.split(",") if part.strip()))
    for name in formats:
        if name not in FORMATS:
            raise click.BadParameter(f"{name!r} is not one of {', '.join(FORMATS)}")
    if not formats:
        raise click.BadParameter(f"name at least one of {', '.join(FORMATS)}")
    return tuple(name for name in FORMATS if name in formats)


_names = click.argument("names", nargs=-1, metavar="[NAME]...")
_derivations = click.option("--derivations", metavar="DIR", help="Folder of derivation files [default: derivations/].")
_templates = click.option("--templates", metavar="DIR", help="Folder of templates that override the shipped ones.")
_jobs = click.option("--jobs", type=click.IntRange(min=1), metavar="N", help="Processes to use [default: one per CPU].")
_engine = click.option(
    "--pdf-engine", "engine", type=click.Choice(["typst", "latex"]), default="typst", show_default=True
)
_json = click.option("--json", "as_json", is_flag=True, help="Print JSON, for machines.")


@main.command("list")
@click.option("--kind", metavar="KIND", help="Only this kind: activation, loss, …")
@_derivations
@_json
def list_(kind: str | None, derivations: str | None, as_json: bool) -> None:
    """List every function with a derivation."""
    from .catalogue import project
    from .chapters import known

    found = list(known(project(derivations)).values())
    if kind is not None:
        kinds = sorted({entry.kind for entry in found})
        if kind not in kinds:
            raise click.BadParameter(f"{kind!r} is not one of {', '.join(kinds)}", param_hint="'--kind'")
        found = [entry for entry in found if entry.kind == kind]
    if as_json:
        keys = ("name", "kind", "title", "summary", "aliases")
        _echo_json([{**{key: getattr(entry, key) for key in keys}, "file": str(entry.path)} for entry in found])
    else:
        from rich.text import Text

        table = _table("name", "kind", "title", "aliases")
        for entry in found:
            title = Text("broken", style="red") if entry.error else entry.title
            table.add_row(entry.name, entry.kind, title, ", ".join(entry.aliases))
        _print(table)
    for entry in found:
        if entry.error:
            click.echo(f"{entry.where}: {entry.error}", err=True)


@main.command()
@click.argument("name")
@click.option("--detail", type=click.Choice(["brief", "normal", "full"]), default="normal", show_default=True)
@click.option("--format", "form", type=click.Choice(["text", "md", "tex", "typ"]), default="text", show_default=True)
@_derivations
@_templates
def show(name: str, detail: "Detail", form: str, derivations: str | None, templates: str | None) -> None:
    """Derive one function and print the derivation."""
    from .catalogue import load, project, resolve
    from .chapters import KIND, known
    from .chapters import load as load_chapter

    where = project(derivations, templates)
    entry = resolve(name, known(where))  # before the engine is imported, so that a typing error costs nothing
    if entry.kind == KIND:
        from .chapters.page import written

        click.echo(written(load_chapter(entry.name), form, where, "output/figures", detail, _width()).rstrip("\n"))
        return
    from .produce import document

    click.echo(document(load(entry, where), form, detail, _width(), where).rstrip("\n"))


def _numbers(_context: click.Context, _parameter: click.Parameter, value: str | None) -> dict[str, Any] | None:
    """a=2,w=[0.5,-1] as numbers and lists of numbers."""
    if value is None:
        return None
    parts = re.split(r",(?=\s*\w+\s*=)", value)
    try:
        return {name.strip(): json.loads(number) for name, number in (part.split("=", 1) for part in parts)}
    except ValueError as error:
        raise click.BadParameter(f"{value!r} does not read as a=2,w=[0.5,-1]") from error


@main.command()
@click.argument("name")
@click.option("--at", "numbers", callback=_numbers, metavar="NUMBERS", help="The point: a=2,w=[0.5,-1].")
@click.option("--svg", type=click.Path(dir_okay=False, writable=True), help="Draw the graph into this file.")
@_derivations
def graph(name: str, numbers: dict[str, Any] | None, svg: str | None, derivations: str | None) -> None:
    """Show a function as a computational graph: local derivatives, and at a point the values."""
    from .catalogue import entries, load, project, resolve

    where = project(derivations)
    entry = resolve(name, entries(where.folders))
    from . import drawings
    from .calculus.graph import graph as graph_of

    made = graph_of(load(entry, where))
    values = None if numbers is None else made.at(numbers)
    valued = () if values is None else ("value",)
    nodes = _table("node", "role", "formula", *valued, *(f"derivative of {made.output.name}" for _ in valued))
    edges = _table("from", "to", "derivative", "formula", *valued)
    for table, rows in ((nodes, drawings.node_rows(made, values)), (edges, drawings.edge_rows(made, values))):
        for row in rows:
            table.add_row(*row)
    _print(nodes)
    click.echo()
    _print(edges)
    if svg is not None:
        Path(svg).write_bytes(drawings.svg(made, values))


@main.command()
@click.argument("widths")
@click.option(
    "--hidden", default="sigmoid", show_default=True, help="Activation of the hidden layers, or one for each: a,b."
)
@click.option("--output", default="identity", show_default=True, help="Activation of the output layer.")
@click.option("--loss", default="squared_error", show_default=True, help="Loss of the outputs.")
@click.option("--l2", type=float, default=0.0, metavar="LAMBDA", help="Weight of the penalty on the weights.")
@click.option("--values", is_flag=True, help="With the numbers at every unit, for a small sample.")
@click.option("--to", "formats", callback=_formats, metavar="FORMATS", help="Write it as some of md, tex, pdf instead.")
@_templates
@click.option("--output-dir", "folder", metavar="DIR", help="Folder to write to [default: output/].")
@_engine
def network(
    widths: str,
    hidden: str,
    output: str,
    loss: str,
    l2: float,
    values: bool,
    formats: tuple[str, ...],
    templates: str | None,
    folder: str | None,
    engine: str,
) -> None:
    """Derive a network of your own, forward and backward: widths as in 2-3-1."""
    from .catalogue import project, shown
    from .networks.network import mlp, widths_of

    where = project(templates=templates, output=folder)
    made = mlp(widths_of(widths), hidden.split(",") if "," in hidden else hidden, output, loss, l2)
    from .chapters.own_network import page
    from .chapters.page import produce_page, written

    found = page(made, values)
    if not formats:
        found.raise_if_failed()
        click.echo(written(found, "text", where, width=_width()).rstrip("\n"))
        return
    from .build import need_tools, write

    need_tools(formats, engine)
    files = {where.output / path: data for path, data in produce_page(found, formats, engine, where).files.items()}
    write(files)
    for path in files:
        click.echo(shown(path))


@main.command()
@_names
@click.option(
    "--to", "formats", default="md,tex,pdf", show_default=True, callback=_formats, metavar="FORMATS", help="Formats."
)
@_derivations
@_templates
@click.option("--output", metavar="DIR", help="Folder to write to [default: output/].")
@_jobs
@_engine
def build(
    names: tuple[str, ...],
    formats: tuple[str, ...],
    derivations: str | None,
    templates: str | None,
    output: str | None,
    jobs: int | None,
    engine: str,
) -> None:
    """Bring the documents of some functions up to date, or of all."""
    from .build import build as run
    from .catalogue import project, shown

    where = project(derivations, templates, output)
    with _progress("building") as progress:
        built = run(names, formats, where, jobs or 0, progress, engine)
    counts = {"built": len(built.made), "up to date": len(built.current), "failed": len(built.failures)}
    click.echo(", ".join(f"{n} {what}" for what, n in counts.items() if n) + f": {shown(where.output)}/")
    for note in built.notes:
        click.echo(note, err=True)
    _end(built.failures)


@main.command()
@_names
@click.option("--accuracy", is_flag=True, help="Measure the generated functions instead, in ulp, at sampled points.")
@click.option("--record", is_flag=True, help="With --accuracy: write the certificates.")
@click.option(
    "--exhaustive", is_flag=True, help="Measure at every float16 and float32 too, and write the certificates."
)
@click.option("--compiled", is_flag=True, help="Measure the compiled code (chainrule.set_compiled).")
@click.option("--cluster", metavar="ADDRESS", help="With --exhaustive: the scheduler of a Dask cluster to run on.")
@_derivations
@_jobs
@_json
def verify(
    names: tuple[str, ...],
    accuracy: bool,
    record: bool,
    exhaustive: bool,
    compiled: bool,
    cluster: str | None,
    derivations: str | None,
    jobs: int | None,
    as_json: bool,
) -> None:
    """Check every step and result numerically; or, with --accuracy or --exhaustive, how many ulp the functions are off.

    The exit code is 1 if any check fails, or a value or first derivative is off by more than 4 ulp."""
    from .build import usable_cpus
    from .build import verify as run
    from .catalogue import project

    for word, given, wanted in (
        ("--compiled", compiled, accuracy or exhaustive),
        ("--record", record, accuracy or exhaustive),
        ("--cluster", cluster, exhaustive),
    ):
        if given and not wanted:
            raise click.UsageError(
                f"{word} says nothing alone: add {'--exhaustive' if word == '--cluster' else '--accuracy'}."
            )
    if compiled:
        _compile()
    if accuracy or exhaustive:
        _accuracy(names, project(derivations), jobs or usable_cpus(), exhaustive, cluster, record, as_json)
        return
    with _progress("verifying") as progress:
        checked, failures = run(names, project(derivations), jobs or 0, progress)
    if as_json:
        rows: list[dict[str, Any]] = [{key: _json_value(v) for key, v in vars(row).items()} for row in checked]
        rows += [{"derivation": f.name, "passed": False, "message": f.message} for f in failures]
        _echo_json(rows)
    else:
        from rich.text import Text

        failed = Text("failed", style="red")
        table = _table("derivation", "steps checked", "worst error of a step", "worst error of the gradient", "verdict")
        for row in checked:
            errors = (f"{error:.1e}" for error in (row.worst_step, row.worst_gradient))
            table.add_row(row.derivation, str(row.steps), *errors, "passed" if row.passed else failed)
        for failure in failures:
            table.add_row(failure.name, "", "", "", failed)
        _print(table)
    for row in checked:
        if not row.passed:
            click.echo(f"{row.derivation}: {row.message}", err=True)
    _end(failures)
    if not all(row.passed for row in checked):
        raise SystemExit(1)


def _compile() -> None:
    """Let this process and those that it starts run compiled code."""
    from .runtime.compiling import VARIABLE, set_compiled

    try:
        set_compiled(True)
    except ImportError as error:
        raise ChainruleError("compiled code needs the extra `compiled`: pip install 'chainrule[compiled]'") from error
    os.environ[VARIABLE] = "1"


def _accuracy(
    names: tuple[str, ...],
    where: "Project",
    jobs: int,
    exhaustive: bool,
    cluster: str | None,
    record: bool,
    as_json: bool,
) -> None:
    from . import certification

    with _progress("measuring") as progress:
        if exhaustive:
            pool = certification.cluster(cluster) if cluster else certification.local(jobs)
            found = certification.exhaustive(names, where, pool, progress, jobs)
        else:
            found = certification.accuracy(names, where, record, progress, jobs)
    if as_json:
        _echo_json([json.loads(certificate.to_json()) for certificate in found])
    else:
        table = _table(*certification.COLUMNS)
        for row, good in certification.rows(found):
            table.add_row(*row, style=None if good else "red")
        _print(table)
    faults = [fault for certificate in found for fault in certificate.faults()]
    for fault in faults:
        click.echo(fault, err=True)
    if faults:
        raise SystemExit(1)


def _end(failures: "tuple[Failure, ...]") -> None:
    for failure in failures:
        click.echo(failure.message, err=True)
    if failures:
        raise SystemExit(1)


def _json_value(value: Any) -> Any:
    """JSON knows neither infinity nor NaN."""
    return None if isinstance(value, float) and not math.isfinite(value) else value


def _echo_json(value: Any) -> None:
    click.echo(json.dumps(value, indent=2, ensure_ascii=False))


def _width() -> int:
    return min(shutil.get_terminal_size().columns, MARGIN)


def _table(*columns: str) -> "Table":
    from rich import box
    from rich.table import Table

    table = Table(*columns, box=box.SIMPLE_HEAD, show_edge=False, pad_edge=False, highlight=False)
    for column in table.columns:
        column.overflow = "fold"
    return table


def _print(table: "Table") -> None:
    """To a terminal at its width; to a pipe without wrapping, so that a line is a row."""
    from rich.console import Console

    console = Console(highlight=False, emoji=False, markup=False)
    if not console.is_terminal:
        console.width = 10_000
    console.print(table)


@contextmanager
def _progress(what: str) -> Iterator[Callable[[int, int, str], None]]:
    """Reports progress on stderr: a bar in a terminal, a line for each name elsewhere."""
    if not sys.stderr.isatty():
        yield lambda done, total, name: click.echo(f"{what} {done}/{total} {name}", err=True) if done else None
        return
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

    now = TextColumn("{task.description}")
    columns = (TextColumn(what), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn(), now)
    with Progress(*columns, console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task("", total=None)
        yield lambda done, total, name: bar.update(task, completed=done, total=total, description=name)
