"""The right side: what it means. Charts of the session, refreshed some ten times a second."""

from __future__ import annotations

from dataclasses import replace
from functools import cached_property
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np
from PySide6.QtCore import Signal
from PySide6.QtWidgets import QWidget

from explorer.diffusion.sdes import SDE
from explorer.experiment.view_settings import BOTH, PICTURES, Look
from explorer.session import Session
from explorer.ui.cards.cards import EditCard, TermsCard
from explorer.ui.painting import words
from explorer.ui.widgets import style
from explorer.ui.widgets.card import Card
from explorer.ui.widgets.form_rows import ChoiceRow
from explorer.ui.widgets.forms import Form
from explorer.ui.widgets.labels import label
from explorer.ui.widgets.sides import SideColumn

if TYPE_CHECKING:
    from explorer.ui.cards.charts import DistanceChart, LossChart, ScheduleChart

Inside = TypeVar("Inside", bound=QWidget)

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
        self.layers = LayersCard(session.document.look)
        self.layers.edited.connect(self.look_edited)
        #: Whether there are charts yet: what draws them takes as long to load as the window to open.
        self.charted = False
        self._schedule_card = _Awaiting("Noise schedule", 84)
        self._distance_card = _Awaiting("Distance to the data", 90)
        self._loss_card = _Awaiting("Loss", 96)
        self._loss_card.hide()
        self._schedule_of: SDE | None = None
        self._loss_of: tuple[Any, ...] = ()
        self._loss_due = False  # to be scrolled to when it is shown
        for card in (
            self.terms,
            self._schedule_card,
            self._distance_card,
            self._loss_card,
            self.layers,
        ):
            self.add(card)

    @cached_property
    def schedule(self) -> ScheduleChart:
        """alpha and sigma over time."""
        from explorer.ui.cards.charts import ScheduleChart

        return self._schedule_card.fill(ScheduleChart())

    @cached_property
    def distance(self) -> DistanceChart:
        """How far the particles are from the data."""
        from explorer.ui.cards.charts import DistanceChart

        return self._distance_card.fill(DistanceChart())

    @cached_property
    def loss(self) -> LossChart:
        """The loss of the network that is trained (made when one is)."""
        from explorer.ui.cards.charts import LossChart

        return self._loss_card.fill(LossChart())

    def reveal_loss(self) -> None:
        """Scroll to the chart of the loss, when there is one."""
        self._loss_due = True

    def help_pages(self) -> dict[QWidget, str]:
        """Which page is about which card."""
        pages = ("samplers", "sdes", "metrics", "objectives", "see-it-work")
        cards = (self.terms, self._schedule_card, self._distance_card, self._loss_card, self.layers)
        return dict(zip(cards, pages, strict=True))

    def form(self) -> Form:
        """The form of the layers (tests)."""
        return self.layers.layers

    def refresh(self, selected: str) -> None:
        """Show what the session has now, of the stage that is selected."""
        picture = self._session.showing.pictures.get(selected) or self._session.showing.pictures.get("A")
        experiment = self._session.experiment(selected) or self._session.document.experiment
        pictures = experiment.pictures is not None
        self.layers.set_look(self._session.document.look, pictures, self._session.networks.exact)
        forward = experiment.sampler.mode == "forward"
        if self.charted:
            self.distance.set_pictures(pictures)
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
        trained = self._session.document.experiment.score.source == "trained"
        self._loss_card.setVisible(trained)
        if trained and self._loss_due:
            self._loss_due = False
            self.reveal(self._loss_card)
        if not trained and "loss" not in self.__dict__:
            return
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


class _Awaiting(Card):
    """A card that keeps the room of a chart until it comes, so that nothing jumps."""

    def __init__(self, title: str, height: int) -> None:
        super().__init__(title)
        self._room: QWidget = self.add(QWidget())
        words = label("x", "small").sizeHint().height()  # the key above the chart, the captions below it
        self._room.setFixedHeight(style.px(height) + 2 * words + style.px(2))

    def fill(self, chart: Inside) -> Inside:
        """Put the chart into its room."""
        self.column.replaceWidget(self._room, chart)
        self._room.hide()
        self._room.deleteLater()
        return chart
