"""Every number in every generated function, changed until it matters: does the accuracy measurement notice?

    python benchmarks/corruption.py [NAME]...

Prints what is harmless and what is not noticed; the exit code is 1 if there is any of the latter. Takes some minutes."""

import importlib
import pkgutil
import sys

import chainrule.functions
from chainrule.catalogue import load, project
from chainrule.certification import Home, subject, vector_corruption
from chainrule.certification.corruption import trial
from chainrule.certification.vectors import VectorSubject
from chainrule.runtime.scalar import ScalarFunction


def main(names: list[str]) -> int:
    """Try the functions of some names, or all."""
    where, missed = project(), 0
    for name in names or [module.name for module in pkgutil.iter_modules(chainrule.functions.__path__)]:
        function = getattr(importlib.import_module(f"chainrule.functions.{name}"), name)
        if not isinstance(function, ScalarFunction):
            missed += of_vectors(VectorSubject(Home(name), function, load(name, where)))
            continue
        verdicts = list(trial(subject(load(name, where), Home(name))))
        unseen = [v for v in verdicts if not v.harmless and not v.noticed]
        missed += len(unseen)
        print(f"{name}: {len(verdicts)} numbers, {sum(v.noticed for v in verdicts)} noticed", flush=True)
        for v in verdicts:
            if v.harmless:
                print(f"    harmless: {v.literal.value!r} in {v.literal.function}, line {v.literal.line}")
        for v in unseen:
            print(
                f"    NOT NOTICED: {v.literal.value!r} in {v.literal.function}, line {v.literal.line}, changed by {v.by:.1e}: "
                f"{v.what} off by {v.error:.3g} ulp at {v.at}, {v.found:.3g} found"
            )
    return 1 if missed else 0


def of_vectors(about: VectorSubject) -> int:
    """The same for a function of vectors. Returns how many numbers are not noticed."""
    verdicts = list(vector_corruption.trial(about))
    print(f"{about.home.name}: {len(verdicts)} numbers, {sum(v.noticed for v in verdicts)} noticed", flush=True)
    for v in verdicts:
        if v.harmless:
            print(f"    harmless: {v.value!r} in {v.where}")
        elif not v.noticed:
            print(
                f"    NOT NOTICED: {v.value!r} in {v.where}, changed by {v.by:.1e}: off by {v.error:.3g} ulp, {v.found:.3g} found"
            )
    return sum(not v.harmless and not v.noticed for v in verdicts)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
