"""Tests that share what takes long to make run in one process, one after another; random numbers do not depend on the order."""

import copy

import pytest

from chainrule.codegen import recorded

TOGETHER = {"test_codegen": "name", "test_stable": "name"}
"""For each file, the parameter whose values are what is shared: tests with the same one go together."""
FILES = {
    "test_properties": "properties",
    **dict.fromkeys(
        (
            "test_chapters",
            "test_output",
            "test_network_drawing",
            "test_networks",
            "test_networks_document",
            "test_networks_equations",
            "test_networks_errors",
            "test_networks_training",
            "test_worked_example",
        ),
        "book",
    ),
}
"""Files of which every test shares it, and the name of what: the book is what is derived for the pages, and the code of networks."""


@pytest.hookimpl(tryfirst=True)  # before the marks are read
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        module = item.path.stem
        parameters = item.callspec.params if hasattr(item, "callspec") else {}
        shared = parameters.get(TOGETHER.get(module, ""))
        group = FILES.get(module) or (f"{module} {shared}" if shared is not None else None)
        if group:
            item.add_marker(pytest.mark.xdist_group(group))


@pytest.fixture(autouse=True)
def _no_forms_from_earlier_runs(monkeypatch: pytest.MonkeyPatch) -> None:
    """A search that a test corrupts must not find what another one kept."""
    monkeypatch.setattr(recorded, "_kept", lambda key: None)
    monkeypatch.setattr(recorded, "_keep", lambda key, found, names: found)


@pytest.fixture(autouse=True)
def _the_same_random_numbers_whatever_ran_before(
    request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch
) -> None:
    if hasattr(request.module, "RNG"):
        monkeypatch.setattr(request.module, "RNG", copy.deepcopy(request.module.RNG))
