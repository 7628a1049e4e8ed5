"""A package of functions that are loaded when they are first used."""

from importlib import import_module
from types import ModuleType
from typing import Any


class Package(ModuleType):
    """The type of a package in which each name of ``__all__`` stands in a module of the same name, whose place it takes there."""

    __all__: tuple[str, ...]

    def __getattr__(self, name: str) -> Any:
        if name in self.__dict__.get("__all__", ()):
            return getattr(import_module(f"{self.__name__}.{name}"), name)
        raise AttributeError(f"module {self.__name__!r} has no attribute {name!r}")

    def __setattr__(self, name: str, value: Any) -> None:
        own = isinstance(value, ModuleType) and name in self.__dict__.get("__all__", ())
        super().__setattr__(name, getattr(value, name) if own else value)  # importing a module puts it here

    def __dir__(self) -> list[str]:
        return sorted({*super().__dir__(), *self.__dict__.get("__all__", ())})
