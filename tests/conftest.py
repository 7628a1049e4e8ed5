"""Tests that share what takes long to make run in one process, one after another."""

import pytest

TOGETHER = {"test_codegen": "name", "test_stable": "name"}
"""For each file, the parameter whose values are what is shared: tests with the same one go together."""
BOOK = ("test_chapters", "test_output")


@pytest.hookimpl(tryfirst=True)  # before the marks are read
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        module = item.path.stem
        parameters = item.callspec.params if hasattr(item, "callspec") else {}
        shared = parameters.get(TOGETHER.get(module, ""))
        group = "book" if module in BOOK else f"{module} {shared}" if shared is not None else None
        if group:
            item.add_marker(pytest.mark.xdist_group(group))
