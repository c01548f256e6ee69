"""Registries: a thing that can be named is a class that registers itself in the file that defines it."""

from __future__ import annotations

import pkgutil
import sys
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from importlib import import_module
from typing import Any, ClassVar, Generic, TypeVar

from explorer.base.errors import Told

T = TypeVar("T")
C = TypeVar("C", bound=type)


class UnknownName(Told, ValueError):
    """A name that is in no registry; the message lists what is."""


class Unregistered(Told, ValueError):
    """A subclass of a registered class that has no name of its own."""


@dataclass(frozen=True)
class Failure:
    """A module that could not be imported, and why, in one sentence that names both."""

    module: str
    sentence: str


def why(error: BaseException) -> str:
    """What a module failed with, in a few words on one line, for a sentence that names the module."""
    return f"{type(error).__name__}: {' '.join(str(error).split())[:300]}".strip(": ")


class Registry(Mapping[str, type[T]], Generic[T]):
    """Name -> class, for one kind of thing, filled by importing every module of one package.

    A module that cannot be imported is left out with what it has registered, and all others stay: `failures` names
    it, and so does the error for a name that is not there.

    >>> SDES = Registry("SDE", "explorer.diffusion.sdes")
    >>> @SDES.register("vp", title="VP")
    ... class VP: ...
    """

    __hash__ = object.__hash__

    #: Every registry that there is, in the order in which they were made.
    every: ClassVar[list[Registry[Any]]] = []
    #: Module -> its failure, of all packages.
    _failures: ClassVar[dict[str, Failure]] = {}
    #: Called with each new failure, in whatever thread it happens.
    listeners: ClassVar[list[Callable[[Failure], None]]] = []

    def __init__(self, kind: str, package: str) -> None:
        self.kind = kind
        self._package = package
        self._classes: dict[str, type[T]] = {}
        #: The registries that it is joined of, and those that share their names with it (`Joined`).
        self._parts: tuple[Registry[Any], ...] = (self,)
        self._beside: tuple[Registry[Any], ...] = (self,)
        self._discovered = False
        self._started = False
        self._importing = threading.RLock()
        self.every.append(self)

    def register(self, name: str, *, title: str, order: int = 100) -> Callable[[C], C]:
        """Class decorator. `order` places the entry in menus; equal orders keep the order of the names."""

        def add(cls: C) -> C:
            self._make_room(name, cls)
            cls.name = name  # type: ignore[attr-defined]
            cls.title = title  # type: ignore[attr-defined]
            cls.menu_order = order  # type: ignore[attr-defined]
            self._classes[name] = cls
            return cls

        return add

    def _make_room(self, name: str, cls: type) -> None:
        """Refuse a name that is taken. What comes with the program keeps its names: a plugin that was there first
        gives way."""
        for registry in self._beside:
            taken = registry._classes.get(name)
            if taken is None:
                continue
            if not own(cls) or own(taken):
                raise ValueError(f"{self.kind} {name!r} is registered twice")
            del registry._classes[name]
            reason = (
                f"{taken.__module__}: the name {name!r} belongs to a {registry.kind} of the program; "
                "choose another one."
            )
            self._fail(Failure(taken.__module__, reason))

    @classmethod
    def failures(cls) -> list[Failure]:
        """What could not be imported so far, in all registries."""
        return list(cls._failures.values())

    @classmethod
    def _fail(cls, failure: Failure) -> None:
        if failure.module in cls._failures:
            return
        cls._failures[failure.module] = failure
        for listener in list(cls.listeners):
            listener(failure)

    def _discover(self) -> None:
        if self._discovered:
            return
        with (
            self._importing
        ):  # another thread waits for the whole; the modules themselves may look in meanwhile
            if self._started:
                return
            self._started = True
            try:
                self._import_all()
                self._discovered = True
            finally:
                self._started = self._discovered  # after Ctrl-C the next call begins again

    def _import_all(self) -> None:
        package = import_module(self._package)
        for found in pkgutil.iter_modules(package.__path__):
            module = f"{self._package}.{found.name}"
            if module in self._failures:  # another registry of the package has tried it
                continue
            try:
                with whole():
                    import_module(module)
            except (Exception, SystemExit) as error:
                self._fail(
                    Failure(
                        module, f"{module} cannot be imported ({why(error)}): what it defines is missing."
                    )
                )

    def _entries(self) -> Mapping[str, type[T]]:
        self._discover()
        return self._classes

    def _sorted(self) -> dict[str, type[T]]:
        found = self._entries()
        return dict(sorted(found.items(), key=lambda kv: (kv[1].menu_order, kv[0])))  # type: ignore[attr-defined]

    def unknown(self, name: str, aside: str = "") -> UnknownName:
        """The error for a name that is not here; `aside` follows the name."""
        places = tuple(f"{registry._package}." for registry in self._parts)
        failed = [f.module for f in self.failures() if f.module.startswith(places)]
        broken = f" ({', '.join(failed)} cannot be imported)" if failed else ""
        return UnknownName(f"no {self.kind} is called {name!r}{aside}; there are: {', '.join(self)}{broken}")

    def holds(self, cls: type) -> bool:
        """Whether a class is an entry itself, and not just derived from one."""
        return self._entries().get(vars(cls).get("name", "")) is cls

    def __getitem__(self, name: str) -> type[T]:
        found = self._entries().get(name)
        if found is None:
            raise self.unknown(name)
        return found

    def __iter__(self) -> Iterator[str]:
        return iter(self._sorted())

    def __len__(self) -> int:
        return len(self._entries())

    def __contains__(self, name: object) -> bool:
        return name in self._entries()


class Joined(Registry[T]):
    """Several registries as one, in their order, with all that they hold at the moment: for a field that takes a
    thing of any of them. A name is free only where it is free in all of them."""

    def __init__(self, kind: str, *parts: Registry[Any]) -> None:
        super().__init__(kind, "")
        self._parts = parts
        for part in parts:
            part._beside = parts

    def register(self, name: str, *, title: str, order: int = 100) -> Callable[[C], C]:
        kinds = " or ".join(part.kind for part in self._parts)
        raise TypeError(f"{name!r} belongs into one of the registries that are joined: that of {kinds}")

    def _entries(self) -> Mapping[str, type[T]]:
        return {name: cls for part in self._parts for name, cls in part._entries().items()}

    def _sorted(self) -> dict[str, type[T]]:
        return {name: cls for part in self._parts for name, cls in part._sorted().items()}


def own(cls: type) -> bool:
    """Whether a class comes with the program, and not from a plugin."""
    return cls.__module__.partition(".")[0] == "explorer"


def type_tag(cls: type) -> str:
    """The name that a class is registered under; "" for one that is not a registered thing.

    Raises Unregistered for a subclass of a registered class that is not registered itself: by its parent's name it
    would be read back as its parent.
    """
    if "menu_order" in vars(cls):
        return str(vars(cls)["name"])
    if hasattr(cls, "menu_order"):
        raise Unregistered(
            f"{cls.__name__} has no name of its own, so that no file can hold it: "
            f"register it, as {getattr(cls, 'name', 'its parent')!r} is."
        )
    return ""


@contextmanager
def whole() -> Iterator[None]:
    """Import something wholly or not at all: what a module has registered goes again where its import fails."""
    before = registered()
    try:
        yield
    except BaseException:
        for (registry, name), cls in registered().items():
            # those of other modules, which were imported by the way, stay: they are imported only once
            if (registry, name) not in before and cls.__module__ not in sys.modules:
                del registry._classes[name]
        raise


def registered() -> dict[tuple[Registry[Any], str], type]:
    """Every entry that is there at the moment; nothing is imported for it."""
    return {(registry, name): cls for registry in Registry.every for name, cls in registry._classes.items()}
