"""A form made from the parameters of any frozen dataclass; nothing in it is written for one class."""

from __future__ import annotations

import re
from collections.abc import Collection
from dataclasses import replace
from typing import Any

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QVBoxLayout, QWidget

from explorer.base.params import Param, ParamError, params
from explorer.figures.theme import Theme
from explorer.ui.widgets import icons, style
from explorer.ui.widgets.form_parts import Chooser
from explorer.ui.widgets.form_rows import ROWS, Row, default_of
from explorer.ui.widgets.labels import Button


class Form(QWidget, style.Themed):
    """Edits `owner`, a frozen dataclass: each edit makes a new one.

    only: names of the parameters to show (default: all); skip: names to leave out; untitled: names shown
    without their label, where the card's title says it; hidden: it is not shown yet.

    A row is made when it is first shown or asked for: most parameters are those of what is not chosen.
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
        hidden: bool = False,
        parent: QWidget | None = None,
    ) -> None:
        super().__init__(parent)
        self._away = hidden
        self._only, self._skip, self._untitled = only, skip, untitled
        self._owner: Any = None
        self._usual: Any = None
        self._said = ""
        self._left_out: set[str] = set()
        self._params: dict[str, Param] = {}  # in the order of their rows
        self._rows: dict[str, Row] = {}
        self._column = _column(self)
        self._more = Button("More settings", "Advanced", quiet=True)
        self._more.setCheckable(True)
        self._more.toggled.connect(lambda on: self._update())
        if hidden:
            self.hide()
        self.set_owner(owner)

    def setVisible(self, visible: bool) -> None:
        self._away = not visible
        if visible and self._owner is not None:
            self._update()
        super().setVisible(visible)

    def owner(self) -> Any:
        """What the form shows."""
        return self._owner

    def row(self, name: str) -> Row:
        """The row of a parameter."""
        if name not in self._rows:
            self._rows[name] = self._make(self._params[name])
            self._rows[name].show_value(getattr(self._owner, name))
            self._update()
        return self._rows[name]

    def names(self) -> list[str]:
        """The parameters that the form is about, in the order of their rows."""
        return list(self._params)

    def shown(self, name: str) -> bool:
        """Whether the row of a parameter is to be seen where the form is."""
        p = self._params[name]
        listed = name not in self._left_out and (not p.advanced or self._more.isChecked())
        return listed and p.shown(self._owner)

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
        for row in self._rows.values():
            self._tell_usual(row)

    def _tell_usual(self, row: Row) -> None:
        row.set_usual(self._usual_of(row.param))

    def _usual_of(self, p: Param) -> Any:
        return default_of(p) if self._usual is None else getattr(self._usual, p.name)

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
        wanted = sorted((p for p in params(kind) if self._wanted(p)), key=lambda p: p.advanced)
        self._params = {p.name: p for p in wanted}
        self._usual = self._usual if type(self._usual) is kind else None
        self._column.addWidget(self._more)
        self._more.setVisible(any(p.advanced for p in wanted))

    def _wanted(self, p: Param) -> bool:
        listed = self._only is None or p.name in self._only
        return listed and p.name not in self._skip and p.kind != "data"

    def _make(self, p: Param) -> Row:
        kind = {"one_of": OneOfRow, "spec": SpecRow}.get(p.kind) or ROWS[p.kind]
        made = kind(p, titled=bool(p.label) and p.name not in self._untitled)
        made.proposed.connect(lambda value, p=p: self._propose(p, value))
        made.finished.connect(self._on_finished)
        made.refused.connect(self.refused)
        self._tell_usual(made)
        self._column.insertWidget(self._place(p), made)
        return made

    def _place(self, p: Param) -> int:
        """Where the row of a parameter goes among those that there are; "More" is between the two kinds."""
        order = list(self._params)
        before = sum(order.index(name) < order.index(p.name) for name in self._rows)
        return before + p.advanced

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
        for name in self._params:
            shown = self.shown(name)
            if name not in self._rows:
                if self._away or not shown:
                    continue
                self._rows[name] = self._make(self._params[name])
            row = self._rows[name]
            row.show_value(getattr(self._owner, name))
            # a row that was never shown nor hidden would come up with the form
            if row.isHidden() == shown or not row.testAttribute(
                Qt.WidgetAttribute.WA_WState_ExplicitShowHide
            ):
                row.setVisible(shown)
        self._update_more()

    def _update_more(self) -> None:
        listed = [p for p in self._params.values() if p.advanced and p.shown(self._owner)]
        changed = sum(getattr(self._owner, p.name) != self._usual_of(p) for p in listed)
        self._more.setVisible(bool(listed))
        if listed:
            opened = self._more.isChecked()
            self._more.setText(
                " Fewer settings"
                if opened
                else f" More settings · {changed} changed"
                if changed
                else " More settings"
            )
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
            form.setVisible(name == value.name and bool(form.names()))

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
