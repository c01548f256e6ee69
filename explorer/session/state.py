"""What the parts of a session may ask of the whole."""

from __future__ import annotations

from typing import Protocol

from explorer.experiment.schema import Experiment
from explorer.session.document import Document
from explorer.session.notices import Notices
from explorer.session.plan import Plan
from explorer.session.playhead import Playhead
from explorer.session.track import Track


class State(Protocol):
    """The session as its networks and its pictures see it; see `core.Session`."""

    notices: Notices
    playhead: Playhead
    tracks: dict[str, Track]
    started: bool
    stages_hidden: bool

    @property
    def document(self) -> Document: ...

    @property
    def shown(self) -> tuple[str, ...]: ...

    def experiment(self, name: str) -> Experiment | None: ...

    def edit(self, document: Document, control: str = "") -> Plan: ...

    def simulate(self, name: str, *, quick: bool = True) -> None: ...

    def run_again(self, name: str) -> None: ...

    def redraw(self) -> None: ...
