"""Registries: a thing that can be named is a class that registers itself in the file that defines it."""

from __future__ import annotations

import pkgutil
import threading
from collections.abc import Callable, Iterator, Mapping
from importlib import import_module
from typing import Any, Generic, TypeVar

from explorer.base.errors import Told

T = TypeVar("T")
C = TypeVar("C", bound=type)


class UnknownName(Told, ValueError):
    """A name that is in no registry; the message lists what is."""


class Registry(Mapping[str, type[T]], Generic[T]):
    """Name -> class, for one kind of thing, filled by importing every module of one package.

    >>> SDES = Registry("SDE", "explorer.diffusion.sdes")
    >>> @SDES.register("vp", title="VP")
    ... class VP: ...
    """

    def __init__(self, kind: str, package: str) -> None:
        self.kind = kind
        self._package = package
        self._classes: dict[str, type[T]] = {}
        self._titles: dict[str, str] = {}
        self._discovered = False
        self._started = False
        self._importing = threading.RLock()

    def register(self, name: str, *, title: str, order: int = 100) -> Callable[[C], C]:
        """Class decorator. `order` places the entry in menus; equal orders keep the order of the names."""

        def add(cls: C) -> C:
            if name in self._classes:
                raise ValueError(f"{self.kind} {name!r} is registered twice")
            cls.name = name  # type: ignore[attr-defined]
            cls.title = title  # type: ignore[attr-defined]
            cls.menu_order = order  # type: ignore[attr-defined]
            self._classes[name] = cls
            return cls

        return add

    def _discover(self) -> None:
        if self._discovered:
            return
        with (
            self._importing
        ):  # another thread waits for the whole; the modules themselves may look in meanwhile
            if self._started:
                return
            self._started = True
            package = import_module(self._package)
            for module in pkgutil.iter_modules(package.__path__):
                import_module(f"{self._package}.{module.name}")
            self._discovered = True

    def _sorted(self) -> dict[str, type[T]]:
        self._discover()
        return dict(sorted(self._classes.items(), key=lambda kv: (kv[1].menu_order, kv[0])))  # type: ignore[attr-defined]

    def __getitem__(self, name: str) -> type[T]:
        self._discover()
        try:
            return self._classes[name]
        except KeyError:
            raise UnknownName(f"no {self.kind} is called {name!r}; there are: {', '.join(self)}") from None

    def __iter__(self) -> Iterator[str]:
        return iter(self._sorted())

    def __len__(self) -> int:
        self._discover()
        return len(self._classes)

    def __contains__(self, name: object) -> bool:
        self._discover()
        return name in self._classes


class Joined(Registry[T]):
    """Several registries as one, in their order: for a field that takes a thing of any of them."""

    def __init__(self, kind: str, *parts: Registry[Any]) -> None:
        super().__init__(kind, "")
        self._parts = parts

    def _discover(self) -> None:
        if not self._discovered:
            for part in self._parts:
                self._classes.update(part)
            self._discovered = True

    def _sorted(self) -> dict[str, type[T]]:
        self._discover()
        return self._classes
