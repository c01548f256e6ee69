"""How the whole application looks: one palette and one style sheet, both made from the tokens of a Theme.

Painted widgets (sliders, switches, segments, icons) take their colours from the palette and need nothing
else. What shows coloured terms (charts, equations) is `Themed` and is told.
"""

from __future__ import annotations

import html
from string import Template

from PySide6.QtCore import QObject
from PySide6.QtGui import QColor, QFont, QPalette
from PySide6.QtWidgets import QApplication, QWidget

from explorer.figures.theme import DARK, FONT_FAMILIES, Theme

#: Pixels of the words, and for a projector.
TEXT, PROJECTED = 13, 18
REGULAR = QFont.Weight.Normal
SEMIBOLD = QFont.Weight.DemiBold


class _State:
    """The theme and text size in force: of the application, hence one for the process."""

    theme: Theme = DARK
    text: int = TEXT
    styled: bool = False


class Themed:
    """Mixin of widgets that use colours which a palette has no role for (drift, noise, score, ...)."""

    def set_theme(self, theme: Theme) -> None:
        """Take the colours of `theme`."""
        raise NotImplementedError


def current() -> Theme:
    """The theme in force (dark until `apply` was called)."""
    return _State.theme


def px(length: float) -> int:
    """A length meant for 13 px text, in the text size in force."""
    return round(length * _State.text / TEXT)


def prepare(app: QApplication, chosen: Theme, text: int = TEXT) -> None:
    """Font and palette for widgets that are about to be made; `apply` dresses them when all of them are there.

    A widget that is made under a style sheet costs twice as much as one that gets it with all the others.
    """
    _State.theme, _State.text = chosen, text
    if (
        not _State.styled
    ):  # asking the application for its style tells nothing: it is wrapped by the style sheet
        app.setStyle("Fusion")
        _State.styled = True
    if app.font() != font():
        app.setFont(font())
    if app.palette() != palette(chosen):
        app.setPalette(palette(chosen))


def apply(app: QApplication, chosen: Theme, text: int = TEXT) -> None:
    """Dress the whole application; call again to change theme or text size."""
    changed = chosen is not _State.theme or text != _State.text
    prepare(app, chosen, text)
    if app.styleSheet() != sheet(chosen, text):
        app.setStyleSheet(sheet(chosen, text))
    if changed:
        for widget in app.allWidgets():
            if isinstance(widget, Themed):
                widget.set_theme(chosen)


def font(factor: float = 1.0, *, weight: QFont.Weight = REGULAR, italic: bool = False) -> QFont:
    """The application's font, with tabular figures so that numbers do not jump."""
    made = QFont()
    made.setFamilies([*FONT_FAMILIES])
    made.setPixelSize(round(_State.text * factor))
    made.setWeight(weight)
    made.setItalic(italic)
    if hasattr(made, "setFeature"):
        made.setFeature(QFont.Tag("tnum"), 1)
    return made


#: Letters of a tooltip that stand well in one line.
ONE_LINE = 60
#: What the papers are called, and which they are.
SOURCES = {"[S21]": "[S21]: Song et al., ICLR 2021, arXiv:2011.13456"}


def sources(text: str) -> list[str]:
    """Which papers the short names in a text mean."""
    return [paper for name, paper in SOURCES.items() if name in text]


def tip(text: str) -> str:
    """A tooltip that is broken into lines where it is long (Qt does that to rich text alone)."""
    if text.startswith("<") or (len(text) <= ONE_LINE and not sources(text)):
        return text
    return "<qt>" + "<br>".join(html.escape(line) for line in [*text.split("\n"), *sources(text)]) + "</qt>"


def blend(a: str, b: str, share: float) -> str:
    """The colour `share` of the way from `a` to `b`."""
    pairs = ((int(a[i : i + 2], 16), int(b[i : i + 2], 16)) for i in (1, 3, 5))
    return "#" + "".join(f"{round(x + (y - x) * share):02x}" for x, y in pairs)


def ink_on(colour: str) -> str:
    """Black or white, whichever reads better on `colour`."""
    c = QColor(colour)
    linear = [
        v / 12.92 if v <= 0.04045 else ((v + 0.055) / 1.055) ** 2.4 for v in (c.redF(), c.greenF(), c.blueF())
    ]
    luminance = 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]
    return "#0b0e13" if luminance > 0.179 else "#ffffff"


def palette(t: Theme) -> QPalette:
    """Theme tokens as palette roles: Button is `raised`, Mid is `line`, PlaceholderText is `muted`."""
    role = QPalette.ColorRole
    colours = {
        role.Window: t.background,
        role.Base: t.panel,
        role.AlternateBase: t.raised,
        role.Button: t.raised,
        role.Mid: t.line,
        role.Midlight: blend(t.raised, t.line, 0.5),
        role.Dark: blend(t.line, t.muted, 0.4),
        role.Light: t.panel,
        role.Shadow: blend(t.background, "#000000", 0.5),
        role.WindowText: t.text,
        role.Text: t.text,
        role.ButtonText: t.text,
        role.BrightText: t.error,
        role.PlaceholderText: t.muted,
        role.Highlight: t.accent,
        role.HighlightedText: ink_on(t.accent),
        role.Accent: t.accent,
        role.Link: t.accent,
        role.LinkVisited: t.accent,
        role.ToolTipBase: t.raised,
        role.ToolTipText: t.text,
    }
    made = QPalette()
    for which, colour in colours.items():
        made.setColor(which, QColor(colour))
    faded = QColor(blend(t.muted, t.panel, 0.45))
    for which in (role.WindowText, role.Text, role.ButtonText):
        made.setColor(QPalette.ColorGroup.Disabled, which, faded)
    made.setColor(QPalette.ColorGroup.Disabled, role.Highlight, QColor(t.line))
    made.setColor(QPalette.ColorGroup.Disabled, role.HighlightedText, faded)
    return made


def sheet(t: Theme, text: int) -> str:
    """The style sheet of everything that Qt paints itself."""
    scale = text / TEXT
    values = {
        name: getattr(t, name)
        for name in (
            "background",
            "panel",
            "raised",
            "line",
            "text",
            "muted",
            "accent",
            "warn",
            "error",
            "noise",
        )
    }
    values |= {
        "ink": ink_on(t.accent),
        "hover": blend(t.raised, t.text, 0.07),
        "pressed": blend(t.raised, t.text, 0.14),
        "accent_hover": blend(t.accent, t.text, 0.15),
        "faded": blend(t.muted, t.panel, 0.45),
        "handle": blend(t.line, t.muted, 0.15),
        "dark": blend(t.line, t.muted, 0.4),
    }
    sizes = {f"px{n}": str(max(1, round(n * scale))) for n in (3, 4, 5, 6, 8, 10, 12, 20, 24, 28)}
    sizes |= {"small": str(round(text * 0.85)), "title": str(text), "huge": str(round(text * 1.25))}
    return Template(_SHEET).substitute(values | sizes)


def restyle(widget: QWidget) -> None:
    """Let the style sheet look again at `widget` after one of its properties changed."""
    widget.style().unpolish(widget)
    widget.style().polish(widget)


def mark(widget: QObject, **properties: object) -> None:
    """Set properties that the style sheet selects by, e.g. `mark(label, role="muted")`."""
    for name, value in properties.items():
        widget.setProperty(name, value)
    if isinstance(widget, QWidget):
        restyle(widget)


# Focus rings: a border that is there all the time changes colour, so that nothing moves.
_SHEET = """
QToolTip { background: $raised; color: $text; border: 1px solid $line; padding: ${px6}px; }
QMainWindow, QDialog { background: $background; }
QScrollArea, QScrollArea > QWidget > QWidget#column { background: transparent; border: none; }

QFrame[role="card"] { background: $panel; border: 1px solid $line; border-radius: 10px; }
QFrame[role="tile"] { background: $panel; border: 1px solid $line; border-radius: 10px; }
QFrame[role="tile"]:hover { background: $raised; border-color: $dark; }
QFrame[role="tile"]:focus { border-color: $accent; }
QFrame[role="bar"] { background: $panel; border: none; border-top: 1px solid $line; }
QFrame[role="popover"] { background: $panel; border: 1px solid $line; border-radius: 10px; }
QFrame[role="rule"] { background: $line; border: none; max-height: 1px; min-height: 1px; }
QFrame[role="notice"] { background: $panel; border: 1px solid $dark; border-radius: 8px; }
QFrame[role="notice"][kind="warn"] { border-color: $warn; }
QFrame[role="notice"][kind="error"] { border-color: $error; }

QLabel { background: transparent; border: none; }
QLabel[role="title"] { font-size: ${title}px; font-weight: 600; }
QLabel[role="headline"] { font-size: ${huge}px; font-weight: 600; }
QLabel[role="muted"] { color: $muted; }
QLabel[role="advice"] { color: $warn; }
QLabel[role="small"] { color: $muted; font-size: ${small}px; }
QLabel[role="badge"] { color: $muted; font-size: ${small}px; background: $raised; border-radius: ${px5}px;
    padding: 1px ${px6}px; }
QLabel[role="badge"][kind="good"] { color: $accent; }
QLabel[role="badge"][kind="warn"] { color: $warn; }
QLabel[role="badge"][kind="error"] { color: $error; }
QLabel[role="key"] { color: $text; font-size: ${small}px; background: $raised; border: 1px solid $line;
    border-radius: ${px4}px; padding: 1px ${px6}px; }

QPushButton { background: $raised; color: $text; border: 1px solid $line; border-radius: 8px;
    padding: ${px4}px ${px12}px; min-height: ${px20}px; }
QPushButton:hover { background: $hover; }
QPushButton:pressed, QPushButton:checked { background: $pressed; }
QPushButton:focus { border-color: $accent; }
QPushButton:disabled { color: $faded; }
QPushButton[primary="true"] { background: $accent; color: $ink; border-color: $accent; font-weight: 600; }
QPushButton[primary="true"]:hover { background: $accent_hover; }
QPushButton[primary="true"]:focus { border: 2px solid $text; }
QPushButton[primary="true"]:disabled { background: $line; color: $faded; border-color: $line; }
QPushButton[quiet="true"] { background: transparent; border-color: transparent; color: $muted;
    padding: ${px3}px ${px4}px; text-align: left; min-height: 0; }
QPushButton[quiet="true"]:hover { color: $text; }
QPushButton[quiet="true"]:focus { border-color: $accent; }
QPushButton[over="true"] { background: $panel; border-color: $line; color: $noise; font-size: ${small}px;
    padding: ${px3}px ${px8}px; border-radius: ${px6}px; min-height: 0; }
QPushButton[over="true"]:hover { background: $raised; }
QPushButton[over="true"]:focus { border-color: $accent; }
QPushButton::menu-indicator { image: none; width: 0; }

QLineEdit, QPlainTextEdit, QTextEdit { background: $raised; color: $text; border: 1px solid $line;
    border-radius: 8px; padding: ${px4}px ${px8}px; selection-background-color: $accent;
    selection-color: $ink; }
QLineEdit:focus, QPlainTextEdit:focus, QTextEdit:focus { border-color: $accent; }
QLineEdit[flat="true"] { background: transparent; border-color: transparent; border-radius: ${px5}px;
    padding: 0 0 0 ${px3}px; }
QLineEdit[flat="true"]:hover { background: $raised; border-color: $line; }
QLineEdit[flat="true"]:focus { background: $raised; border-color: $accent; }
QLineEdit[flat="true"]:disabled { color: $faded; }

QListWidget { background: $panel; border: 1px solid $line; border-radius: 8px; padding: ${px4}px; outline: none; }
QListWidget::item { padding: ${px4}px ${px6}px; border-radius: ${px5}px; }
QListWidget::item:selected { background: $accent; color: $ink; }
QListWidget:focus { border-color: $accent; }

QComboBox { background: $raised; color: $text; border: 1px solid $line; border-radius: 8px;
    padding: ${px3}px ${px8}px; min-height: ${px20}px; }
QComboBox:hover { background: $hover; }
QComboBox:focus { border-color: $accent; }
QComboBox:disabled { color: $faded; }
QComboBox::drop-down { border: none; width: ${px24}px; }
QComboBox::down-arrow { image: none; }
QComboBox QAbstractItemView { background: $panel; color: $text; border: 1px solid $line; outline: none;
    padding: ${px4}px; selection-background-color: $accent; selection-color: $ink; }
QComboBox QAbstractItemView::item { min-height: ${px24}px; padding: 0 ${px6}px; border-radius: ${px5}px; }
QComboBox QAbstractItemView::item:selected { background: $accent; color: $ink; }

QMenuBar { background: transparent; color: $muted; border: none; padding: ${px4}px; }
QMenuBar::item { background: transparent; padding: ${px4}px ${px8}px; border-radius: ${px5}px; }
QMenuBar::item:selected { background: $raised; color: $text; }
QMenu { background: $panel; color: $text; border: 1px solid $line; padding: ${px4}px; }
QMenu::item { padding: ${px5}px ${px28}px ${px5}px ${px24}px; border-radius: ${px5}px; }
QMenu::item:selected { background: $accent; color: $ink; }
QMenu::item:disabled { color: $faded; background: transparent; }
QMenu::separator { height: 1px; background: $line; margin: ${px4}px ${px8}px; }

QScrollBar:vertical { background: transparent; width: 10px; margin: 0; }
QScrollBar:horizontal { background: transparent; height: 10px; margin: 0; }
QScrollBar::handle { background: $handle; border-radius: 3px; margin: 2px; }
QScrollBar::handle:vertical { min-height: 28px; }
QScrollBar::handle:horizontal { min-width: 28px; }
QScrollBar::handle:hover { background: $muted; }
QScrollBar::add-line, QScrollBar::sub-line { width: 0; height: 0; }
QScrollBar::add-page, QScrollBar::sub-page { background: transparent; }

QProgressBar { background: $line; border: none; border-radius: 3px; max-height: 6px; min-height: 6px;
    color: transparent; }
QProgressBar::chunk { background: $accent; border-radius: 3px; }
QSplitter::handle { background: transparent; }
QStatusBar { background: $panel; color: $muted; border-top: 1px solid $line; }
QStatusBar::item { border: none; }
"""
