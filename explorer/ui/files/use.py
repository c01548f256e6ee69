"""Data and networks from files, put to use in the experiment that is open."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path

from explorer.data.distributions import Distribution
from explorer.data.imports import Imported
from explorer.experiment.codec import decode
from explorer.experiment.schema import Experiment, ExperimentError
from explorer.networks.files import Model
from explorer.ui.files.file_names import Recent
from explorer.ui.files.own_images import put_at_hand
from explorer.ui.painting.words import NEW_DATA
from explorer.ui.widgets.host import Host

Action = tuple[str, Callable[[], None]]


class Use:
    """Edits the session's experiment and says what was done. Everything can be undone."""

    def __init__(self, host: Host, recent: Recent) -> None:
        self._host, self._recent = host, recent

    def data(self, path: Path, imported: Imported) -> None:
        """Make imported points the data."""
        self._set_data(imported.distribution())
        source = self._host.session.document.experiment.score.source
        self._recent.add(path)
        self._say(f"{imported.sentence} {NEW_DATA[source]}", action=("Undo", self._undo))

    def model(self, path: Path, read: tuple[Model, Distribution | None]) -> None:
        """Make a network the score, on data of its dimension; with it comes what it was trained on (`with_data`)."""
        session = self._host.session
        model, own = read
        if not _fits(model, session.document.experiment.data):
            if own is None or not _fits(model, own):
                text = f"{path.name} is a network for {_kind(model)}: choose such data first."
                return self._say(text, "error")
            self._set_data(own)
        session.networks.use_model(model)
        self._recent.add(path)
        self._host.refresh()
        if own is None:
            return self._say(f"{path.name} is in use.")
        elsewhere = own != session.document.experiment.data
        words = f"{path.name} is in use, a network trained on {own.title}."
        self._say(words, action=("Use its data", partial(self._set_data, own)) if elsewhere else None)

    def _set_data(self, data: Distribution) -> None:
        self._host.session.set_data(data)
        self._host.refresh()

    def _undo(self) -> None:
        self._host.session.undo()
        self._host.refresh()

    def _say(self, text: str, kind: str = "info", action: Action | None = None) -> None:
        self._host.notices.show_notice(text, kind, action, "read" if kind == "error" else "")


def _fits(model: Model, data: Distribution) -> bool:
    """Whether a network can be asked about such data."""
    return model.dim == data.dim and model.picture == data.picture


def _kind(model: Model) -> str:
    """What a network is for, in words."""
    if model.picture is None:
        return f"{model.dim}-dimensional data"
    colours, height, width = model.picture
    return f"{'color ' if colours == 3 else ''}images of {width} × {height}"


def with_data(model: Model) -> tuple[Model, Distribution | None]:
    """A network and the data that it was trained on, at hand: for a thread, as reading pictures takes a while."""
    data = data_of(model)
    return model, data if data is None else put_at_hand(data)


def data_of(model: Model) -> Distribution | None:
    """The distribution that a network was trained on, if it is one that is known here."""
    try:
        data = decode(Experiment, {"data": model.data}, "model").data if model.data else None
    except ExperimentError:
        return None
    # a model file does not say where on the user's machine a folder of pictures is
    return None if data is not None and data.private else data
