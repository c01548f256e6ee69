"""The right side: what it means. Charts of the session, refreshed some ten times a second."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
from PySide6.QtCore import Signal
from PySide6.QtWidgets import QWidget

from explorer.look import BOTH, PICTURES, Look
from explorer.sdes import SDE
from explorer.session import Session
from explorer.ui import words
from explorer.ui.cards import EditCard, TermsCard
from explorer.ui.charts import DistanceChart, LossChart, ScheduleChart
from explorer.ui.form_rows import ChoiceRow
from explorer.ui.forms import Form
from explorer.ui.sides import SideColumn
from explorer.ui.widgets import Card

LAYERS = (
    "particles",
    "trails",
    "density",
    "contours",
    "data",
    "moves",
    "field",
    "field_kind",
    "follow",
    "space",
    *PICTURES[:-1],
)


#: Why the field of a network cannot be chosen.
NO_NETWORK = "The exact score is in use: there is no network to show the field of"


def in_use(look: Look, exact: bool) -> Look:
    """A look with the field that is seen: "learned" is the field of the score in use, which may be the exact one."""
    return replace(look, field="exact") if exact and look.field == "learned" else look


class LayersCard(EditCard):
    """The layers of the stage, and behind More how they are drawn."""

    def __init__(self, look: Look, parent: QWidget | None = None) -> None:
        super().__init__("Layers", parent=parent)
        self._look, self._exact = look, False
        self.layers = self._add(look, only=LAYERS)
        self.sizes = self._add(look, skip=LAYERS)
        self.set_look(look)

    def _add(self, look: Look, **options: Any) -> Form:
        form = Form(look, **options)
        form.edited.connect(self._edited)
        form.finished.connect(self.finished)
        form.refused.connect(self.refused)
        self.add(form)
        return form

    def _edited(self, shown: Look) -> None:
        """Hand on what was set; a field that only stood in for the one asked for is not."""
        asked = shown.field == in_use(self._look, self._exact).field
        self.edited.emit(replace(shown, field=self._look.field) if asked else shown)

    def set_look(self, look: Look, pictures: bool = False, exact: bool = False) -> None:
        """Show a look, as far as it means anything for pictures, or for points; `exact`: whether the exact score is
        in use, and no network whose field could be shown."""
        self._look, self._exact = look, exact
        look = in_use(look, exact)
        field = self.layers.row("field")
        assert isinstance(field, ChoiceRow)
        field.chooser.set_enabled("learned", not exact, NO_NETWORK)
        self.layers.leave_out(
            [name for name in LAYERS if (name in PICTURES) != pictures and name not in BOTH]
        )
        self.layers.set_owner(look)
        self.sizes.set_owner(look)
        self.sizes.setVisible(not pictures)


class MeaningColumn(SideColumn):
    """The step being taken, the noise schedule, the distance to the data, the loss, the layers."""

    look_edited = Signal(object)

    def __init__(self, session: Session, parent: QWidget | None = None) -> None:
        super().__init__(290, parent)
        self._session = session
        self.terms = TermsCard()
        self.schedule, self.distance, self.loss = ScheduleChart(), DistanceChart(), LossChart()
        self.layers = LayersCard(session.document.look)
        self.layers.edited.connect(self.look_edited)
        self._loss_card = _card("Loss", self.loss)
        self._schedule_of: SDE | None = None
        self._loss_of: tuple[Any, ...] = ()
        for card in (
            self.terms,
            _card("Noise schedule", self.schedule),
            _card("Distance to the data", self.distance),
            self._loss_card,
            self.layers,
        ):
            self.add(card)

    def form(self) -> Form:
        """The form of the layers (tests)."""
        return self.layers.layers

    def refresh(self, selected: str) -> None:
        """Show what the session has now, of the stage that is selected."""
        picture = self._session.showing.pictures.get(selected) or self._session.showing.pictures.get("A")
        experiment = self._session.experiment(selected) or self._session.document.experiment
        pictures = experiment.pictures is not None
        self.layers.set_look(self._session.document.look, pictures, self._session.networks.exact)
        self.distance.set_pictures(pictures)
        forward = experiment.sampler.mode == "forward"
        self._show_schedule(experiment.sde, picture.frame.t if picture else None, forward)
        self._show_distance(picture.frame.t if picture else None, forward)
        self._show_loss()
        if picture is not None:
            frame, forward = picture.frame, experiment.sampler.mode == "forward"
            self.terms.set_step(
                words.part(experiment, frame), words.equation_of(experiment, frame), picture.terms,
                words.equations_of(experiment), ("score",) if forward else (),
            )  # fmt: skip

    def _show_schedule(self, sde: SDE, t: float | None, forward: bool) -> None:
        self.schedule.set_forward(forward)
        if sde != self._schedule_of:
            self._schedule_of = sde
            ts = np.linspace(0.0, 1.0, 101)
            values = np.array([sde.marginal(float(u)) for u in ts])
            self.schedule.set_data(ts, values[:, 0], values[:, 1], t)
        else:
            self.schedule.set_playhead(t)

    def _show_distance(self, t: float | None, forward: bool) -> None:
        a = self._session.showing.distance_curve("A")
        b = self._session.showing.distance_curve("B") if "B" in self._session.shown else np.zeros((0, 3))
        # without a clock (Langevin at one level) the axis is the share of the run
        still = len(a) > 1 and float(np.ptp(a[:, 1])) == 0.0
        at = self._session.playhead.position if still else t
        across = (a[:, 0], b[:, 0]) if still else (a[:, 1], b[:, 1])
        self.distance.set_forward(forward or still)
        if still:
            self.distance.set_captions("start of the run", "its end")
        distances = self._session.showing.distances["A"]
        self.distance.set_scale("" if distances.scale is None else distances.scale.words)
        self.distance.set_data(across[0], a[:, 2], across[1], b[:, 2], floor=distances.floor, playhead=at)

    def _show_loss(self) -> None:
        trainer = self._session.networks.trainer
        frame = trainer.frame
        self._loss_card.setVisible(self._session.document.experiment.score.source == "trained")
        now = (id(frame), id(trainer.history), len(trainer.history.rows))
        if now == self._loss_of:
            return
        self._loss_of = now
        rows = trainer.history.array()
        self.loss.set_data(rows[:, 0], rows[:, 1], rows[:, 2], rows[:, 3], rows[:, 4])
        if frame is None:
            self.loss.set_levels(None, None)
        else:
            self.loss.set_levels(frame.level, frame.loss_by_level, frame.floor_by_level)


def _card(title: str, inside: QWidget) -> Card:
    card = Card(title)
    card.add(inside)
    return card
