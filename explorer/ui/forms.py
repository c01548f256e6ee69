"""A form made from the parameters of any frozen dataclass; nothing in it is written for one class."""

from __future__ import annotations

import re
from collections.abc import Collection
from dataclasses import replace
from typing import Any

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QVBoxLayout, QWidget

from explorer.params import Param, ParamError, params
from explorer.theme import Theme
from explorer.ui import icons, style
from explorer.ui.form_parts import Chooser
from explorer.ui.form_rows import ROWS, Row, default_of
from explorer.ui.labels import Button


class Form(QWidget, style.Themed):
    """Edits `owner`, a frozen dataclass: each edit makes a new one.

    only: names of the parameters to show (default: all); skip: names to leave out; untitled: names shown
    without their label, where the card's title says it.
    """

    edited = Signal(object)  # the new owner, continuously while something is dragged
    finished = Signal()  # a drag has ended or a value was typed: one step of undo
    refused = Signal(str)  # the sentence of a ParamError; the old value stands

    def __init__(
        self,
        owner: Any,
        *,
        only: Collection[str] | None = None,
        skip: Collection[str] = (),
        untitled: Collection[str] = (),
        parent: QWidget | None = None,
    ) -> None:
        super().__init__(parent)
        self._only, self._skip, self._untitled = only, skip, untitled
        self._owner: Any = None
        self._usual: Any = None
        self._said = ""
        self._left_out: set[str] = set()
        self._rows: dict[str, Row] = {}
        self._column = _column(self)
        self._more = Button("More", "Settings that seldom matter", quiet=True)
        self._more.setCheckable(True)
        self._more.toggled.connect(lambda on: self._update())
        self.set_owner(owner)

    def owner(self) -> Any:
        """What the form shows."""
        return self._owner

    def row(self, name: str) -> Row:
        """The row of a parameter (tests, guided tours)."""
        return self._rows[name]

    def set_owner(self, owner: Any) -> None:
        """Show `owner` without emitting."""
        rebuild = type(owner) is not type(self._owner)
        if not rebuild and owner == self._owner:
            return
        self._owner = owner
        if rebuild:
            self._build()
        self._update()

    def set_theme(self, theme: Theme) -> None:
        """Draw the arrow beside "More" in the colours of `theme`."""
        self._update_more()

    def set_usual(self, usual: Any) -> None:
        """Have the arrows lead back to what this has, in place of the parameters' defaults; None for those again."""
        if usual != self._usual:
            self._usual = usual
            self._set_usual()
            self._update()

    def _set_usual(self) -> None:
        for name, row in self._rows.items():
            row.set_usual(default_of(row.param) if self._usual is None else getattr(self._usual, name))

    def leave_out(self, names: Collection[str]) -> None:
        """Hide these for now: what is shown around the form makes them meaningless."""
        if set(names) != self._left_out:
            self._left_out = set(names)
            self._update()

    def show_more(self, shown: bool) -> None:
        """Open or close the settings that seldom matter."""
        self._more.setChecked(shown)

    def _build(self) -> None:
        # Hidden while one types in it, an old row still offers what was typed: it is forgotten first.
        old, self._rows = self._rows, {}
        for row in old.values():
            self._column.removeWidget(row)
            row.hide()
            row.deleteLater()
        kind: Any = type(self._owner)
        self._rows = {p.name: self._make(p) for p in params(kind) if self._wanted(p)}
        self._usual = self._usual if type(self._usual) is kind else None
        self._set_usual()
        plain = [row for row in self._rows.values() if not row.param.advanced]
        advanced = [row for row in self._rows.values() if row.param.advanced]
        for widget in (*plain, self._more, *advanced):
            self._column.addWidget(widget)
        self._more.setVisible(bool(advanced))

    def _wanted(self, p: Param) -> bool:
        listed = self._only is None or p.name in self._only
        return listed and p.name not in self._skip and p.kind != "data"

    def _make(self, p: Param) -> Row:
        kind = {"one_of": OneOfRow, "spec": SpecRow}.get(p.kind) or ROWS[p.kind]
        made = kind(p, titled=bool(p.label) and p.name not in self._untitled)
        made.proposed.connect(lambda value, p=p: self._propose(p, value))
        made.finished.connect(self._on_finished)
        made.refused.connect(self.refused)
        return made

    def _propose(self, p: Param, value: Any) -> None:
        """Take `value` if the owner does; else say why, once in a drag, and show the old one again."""
        if p.name not in self._rows or self._rows[p.name].param is not p:
            return
        try:
            new = replace(self._owner, **{p.name: p.check(value, p.label or p.name)})
        except (ParamError, ValueError, OverflowError) as error:
            if self._rows[p.name].typing:
                return
            self._rows[p.name].show_value(getattr(self._owner, p.name))
            said = self._in_words(str(error))
            if said != self._said:
                self._said = said
                self.refused.emit(self._said)
            return
        self._said = ""
        if new != self._owner:
            self._owner = new
            self._update()
            self.edited.emit(new)

    def _in_words(self, said: str) -> str:
        """A refusal with the parameters as the form calls them."""
        kind: Any = type(self._owner)
        for p in params(kind):
            said = re.sub(rf"\b\w+\.{p.name}\b", p.label or p.name, said)
        return said

    def _on_finished(self) -> None:
        self._said = ""
        self.finished.emit()

    def _update(self) -> None:
        for name, row in self._rows.items():
            row.show_value(getattr(self._owner, name))
            shown = row.param.shown(self._owner) and (not row.param.advanced or self._more.isChecked())
            shown = shown and name not in self._left_out
            # a row that was never shown nor hidden would come up with the form
            if row.isHidden() == shown or not row.testAttribute(
                Qt.WidgetAttribute.WA_WState_ExplicitShowHide
            ):
                row.setVisible(shown)
        self._update_more()

    def _update_more(self) -> None:
        rows = [r for r in self._rows.values() if r.param.advanced and r.param.shown(self._owner)]
        changed = sum(getattr(self._owner, r.param.name) != r.usual for r in rows)
        self._more.setVisible(bool(rows))
        if rows:
            opened = self._more.isChecked()
            self._more.setText(" Fewer" if opened else f" More · {changed} changed" if changed else " More")
            self._more.setIcon(icons.icon("down" if opened else "right", style.current().muted, style.px(12)))


def _column(widget: QWidget, indent: int = 0) -> QVBoxLayout:
    column = QVBoxLayout(widget)
    column.setContentsMargins(style.px(indent), 0, 0, 0)
    column.setSpacing(style.px(7))
    return column


class SpecRow(Row):
    """A dataclass in a dataclass: its form under a small heading."""

    def __init__(self, p: Param, *, titled: bool = True) -> None:
        super().__init__(p, titled=titled)
        self.form = Form(default_of(p))
        self.form.edited.connect(self.proposed)
        self.form.finished.connect(self.finished)
        self.form.refused.connect(self.refused)
        if titled:
            self.head()
        self.column.addWidget(self.form)

    def set_usual(self, value: Any) -> None:
        super().set_usual(value)
        self.form.set_usual(value)

    def display(self, value: Any) -> None:
        self.form.set_owner(value)


class OneOfRow(Row):
    """A choice of registered things, and the form of the one that is chosen.

    What was set in one of them is still there when a person comes back to it.
    """

    def __init__(self, p: Param, *, titled: bool = True) -> None:
        super().__init__(p, titled=titled)
        assert p.registry is not None
        self._forms: dict[str, Form] = {}
        self._last: dict[str, Any] = {}
        entries = [(name, cls.title, _first_line(cls)) for name, cls in p.registry.items()]
        self.chooser = Chooser(entries)
        self.chooser.changed.connect(self._on_choice)
        if titled:
            self.head()
        self.column.addWidget(self.chooser)
        self.column.setSpacing(style.px(7 if not titled else 4))

    def form(self) -> Form:
        """The form of what is chosen now."""
        return self._forms[self.chooser.value()]

    def display(self, value: Any) -> None:
        self._last[value.name] = value
        if self.chooser.value() != value.name:
            self.chooser.set_value(value.name)
        self._form(value).set_owner(value)
        for name, form in self._forms.items():
            form.setVisible(name == value.name and bool(form._rows))

    def _form(self, value: Any) -> Form:
        if value.name not in self._forms:
            form = Form(value)
            form.set_usual(self._usual_of(value.name))
            form.edited.connect(self.proposed)
            form.finished.connect(self.finished)
            form.refused.connect(self.refused)
            self.column.addWidget(form)
            self._forms[value.name] = form
        return self._forms[value.name]

    def set_usual(self, value: Any) -> None:
        super().set_usual(value)
        for name, form in self._forms.items():
            form.set_usual(self._usual_of(name))

    def _usual_of(self, name: str) -> Any:
        """What one of them usually is, where that is said."""
        return self.usual if self.usual.name == name else None

    def _on_choice(self, name: str) -> None:
        registry = self.param.registry
        assert registry is not None
        self.proposed.emit(self._last.get(name) or self._usual_of(name) or registry[name]())
        self.finished.emit()


def _first_line(cls: type) -> str:
    return (cls.__doc__ or "").strip().split("\n")[0]
