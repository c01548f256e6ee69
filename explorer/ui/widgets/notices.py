"""Notices that wait beside the work instead of stopping it, and the progress of long work."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Sequence

from PySide6.QtCore import QEvent, QObject, Qt, QTimer, Signal
from PySide6.QtWidgets import QFrame, QGridLayout, QProgressBar, QSizePolicy, QVBoxLayout, QWidget

from explorer.figures.theme import Theme
from explorer.ui.widgets import icons, style
from explorer.ui.widgets.controls import IconButton
from explorer.ui.widgets.labels import Button, ElidedLabel, label, row

#: Seconds that a notice is shown: what it offers can be found elsewhere afterwards. Errors wait for a person.
_SECONDS = {"info": 6.0, "warn": 12.0, "offer": 20.0, "error": math.inf}
_SIGNS = {"offer": "info"}
_MOST = 4
#: The least width that the words keep beside a button; in less room it stands below them.
LEAST_WORDS = 240


class Notice(QFrame, style.Themed):
    """One notice: an icon, a sentence, perhaps a button, and a cross."""

    closed = Signal(object)

    def __init__(
        self, text: str, kind: str, action: tuple[str, Callable[[], None]] | None, about: str, parent: QWidget
    ) -> None:
        super().__init__(parent)
        self.text, self.kind, self.about = text, kind, about
        self._bar: QProgressBar | None = None
        self.setProperty("role", "notice")
        self.setProperty("kind", kind)
        self._sign = label("")
        self.set_theme(style.current())
        words = label(text)
        words.setWordWrap(True)
        words.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        words.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Minimum)
        self.button = Button(action[0]) if action is not None else None
        cross = IconButton("close", "Dismiss", size=22)
        cross.clicked.connect(lambda: self.closed.emit(self))
        grid = self._grid = QGridLayout(self)
        grid.setHorizontalSpacing(style.px(10))
        grid.setVerticalSpacing(style.px(6))
        grid.setContentsMargins(*_margins())
        grid.setColumnStretch(1, 1)
        grid.addWidget(self._sign, 0, 0)
        grid.addWidget(words, 0, 1)
        grid.addWidget(cross, 0, 3, Qt.AlignmentFlag.AlignTop)
        if self.button is not None and action is not None:
            self.button.clicked.connect(lambda: self.closed.emit(self))
            self.button.clicked.connect(lambda: action[1]())
            grid.addWidget(self.button, 0, 2)
        self.setAccessibleName(text)

    def set_progress(self, share: float) -> None:
        """Show how much (0 to 1) is done of what the notice is about."""
        if self._bar is None:
            self._bar = QProgressBar()
            self._bar.setRange(0, 1000)
            self._bar.setTextVisible(False)
            self._grid.addWidget(self._bar, 2, 1, 1, 3)
        self._bar.setValue(round(1000 * min(max(share, 0.0), 1.0)))

    def progress(self) -> float:
        """The share shown; 0 where none is."""
        return self._bar.value() / 1000 if self._bar is not None else 0.0

    def fit(self, width: int) -> None:
        """Put the button beside the words, or below them in a narrow window."""
        if self.button is None:
            return
        below = width < self.button.sizeHint().width() + style.px(LEAST_WORDS)
        place: tuple[int, int, int, int] = self._grid.getItemPosition(self._grid.indexOf(self.button))  # type: ignore[assignment]
        if below != (place[0] == 1):
            self._grid.removeWidget(self.button)
            if below:
                self._grid.addWidget(self.button, 1, 1, 1, 3, Qt.AlignmentFlag.AlignLeft)
            else:
                self._grid.addWidget(self.button, 0, 2)

    def set_theme(self, theme: Theme) -> None:
        """Draw the icon in the colours of `theme`."""
        size = style.px(18)
        if (line := self.layout()) is not None:
            line.setContentsMargins(*_margins())
        colour = getattr(theme, self.kind, theme.accent)
        self._sign.setPixmap(icons.icon(_SIGNS.get(self.kind, self.kind), colour, size).pixmap(size, size))


def _margins() -> tuple[int, int, int, int]:
    return style.px(12), style.px(8), style.px(8), style.px(8)


class NoticeBar(QWidget):
    """A stack of notices that floats over the foot of `host` (the stage) and follows its size.

    Notices of information leave by themselves; errors stay until they are dismissed, or until what they are
    `about` succeeds. The same sentence twice is shown once.
    """

    def __init__(self, host: QWidget, *, at_top: bool = False) -> None:
        super().__init__(host)
        self._host, self._at_top = host, at_top
        self._ends: dict[Notice, float] = {}
        self._docked = False
        self._column = QVBoxLayout(self)
        self._column.setContentsMargins(0, 0, 0, 0)
        self._column.setSpacing(8)
        self._clock = QTimer(self)
        self._clock.setInterval(250)
        self._clock.timeout.connect(self._dismiss_old)
        host.installEventFilter(self)
        self.hide()

    def show_notice(
        self,
        text: str,
        kind: str = "info",
        action: tuple[str, Callable[[], None]] | None = None,
        about: str = "",
    ) -> None:
        """Show a sentence; kind is info, warn, offer or error; `action` is (words, what to do) of a button, `about`
        what `settle` knows it by."""
        for notice in self.notices():
            if notice.text == text:
                self._drop(notice)
        while len(self._ends) >= _MOST:
            self._drop(self._least())
        notice = Notice(text, kind, action, about, self)
        notice.closed.connect(self._drop)
        self._column.addWidget(notice)
        notice.show()
        self._ends[notice] = time.monotonic() + _SECONDS[kind]
        self._clock.start()
        self.show()
        self._place()

    def notices(self) -> list[Notice]:
        """What is shown, oldest first."""
        return list(self._ends)

    def clear(self) -> None:
        """Dismiss everything."""
        self.dismiss(self.notices())

    def about(self, what: str) -> list[Notice]:
        """What is shown about something."""
        return [notice for notice in self.notices() if notice.about == what]

    def settle(self, what: str) -> None:
        """Dismiss what is shown about something: it has been done."""
        self.dismiss(self.about(what))

    def dismiss(self, notices: Sequence[Notice]) -> None:
        """Dismiss these, as far as they are still shown."""
        for notice in notices:
            self._drop(notice)

    def _least(self) -> Notice:
        """The one to give way to a new one: the oldest that would leave by itself, else the oldest."""
        return min(self._ends, key=lambda n: self._ends[n])

    def _drop(self, notice: Notice) -> None:
        if self._ends.pop(notice, None) is None:
            return
        self._column.removeWidget(notice)
        notice.hide()
        notice.deleteLater()
        if not self._ends:
            self._clock.stop()
            self.hide()
        self._place()

    def _dismiss_old(self) -> None:
        now = time.monotonic()
        self.dismiss([n for n, end in self._ends.items() if end < now and not n.underMouse()])

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        if event.type() == QEvent.Type.Resize:
            self._place()
        return False

    def rescale(self) -> None:
        """Make room for the text size in force."""
        self._place()

    def set_docked(self, docked: bool) -> None:
        """Whether the host's layout leaves room for the notices, so that they cover nothing of what is in it."""
        self._docked = docked
        self._place()

    def _leave_room(self, height: int) -> None:
        layout = self._host.layout()
        if layout is not None:
            wanted = (0, 0, 0, height if self._docked else 0)
            if layout.getContentsMargins() != wanted:
                layout.setContentsMargins(*wanted)

    def _place(self) -> None:
        margin = style.px(12)
        width = min(self._host.width() - 2 * margin, style.px(560))
        if not self._ends or width <= 0:
            self._leave_room(0)
            return
        for notice in self._ends:
            notice.fit(width)
        self._column.activate()  # a notice that has just come is not in the layout's sums yet
        height = self._column.totalHeightForWidth(width)
        height = min(
            height if height > 0 else self._column.totalSizeHint().height(), self._host.height() - 2 * margin
        )
        top = margin if self._at_top else self._host.height() - margin - height
        self.setGeometry((self._host.width() - width) // 2, top, width, height)
        self.raise_()
        self._leave_room(height + margin)


def time_left(seconds: float) -> str:
    """A rough length of time in words that do not flicker."""
    if not math.isfinite(seconds) or seconds < 0:
        return ""
    if seconds < 60:
        return f"about {max(1, round(seconds))} s left"
    return f"about {round(seconds / 60)} min left"


class ProgressCard(QFrame):
    """What long work is doing, how far it is, the time it still needs, and Cancel."""

    cancelled = Signal()

    def __init__(self, title: str, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setProperty("role", "card")
        self._title = ElidedLabel(title)
        self._left = label("", "small")
        self._bar = QProgressBar()
        self._bar.setRange(0, 1000)
        self._bar.setTextVisible(False)
        self._cancel = Button("Cancel")
        self._cancel.clicked.connect(self._on_cancel)
        self._start = time.monotonic()
        whole = QVBoxLayout(self)
        whole.setContentsMargins(style.px(12), style.px(10), style.px(12), style.px(10))
        whole.setSpacing(style.px(6))
        line = row(self._title, self._cancel)
        line.setStretch(0, 1)
        whole.addLayout(line)
        whole.addWidget(self._bar)
        whole.addWidget(self._left)

    def start(self, title: str) -> None:
        """Begin anew under another title."""
        self._title.set_text(title)
        self._start = time.monotonic()
        self._cancel.setEnabled(True)
        self._cancel.setText("Cancel")
        self._left.setText("")
        self._bar.setValue(0)

    def set_progress(self, share: float | None, text: str = "") -> None:
        """How much is done, 0..1, or None where nobody knows; `text` replaces the time left."""
        if share is None or not math.isfinite(share):
            self._bar.setRange(0, 0)
            self._left.setText(text)
            return
        share = min(max(share, 0.0), 1.0)
        self._bar.setRange(0, 1000)
        self._bar.setValue(round(share * 1000))
        passed = time.monotonic() - self._start
        # The first second tells nothing of the rest.
        guess = passed * (1 - share) / share if share > 0.01 and passed > 1 else math.nan
        self._left.setText(" · ".join(part for part in (f"{share:.0%}", text or time_left(guess)) if part))

    def progress(self) -> float:
        """The share shown."""
        return self._bar.value() / 1000

    def _on_cancel(self) -> None:
        self._cancel.setEnabled(False)
        self._cancel.setText("Stopping …")
        self.cancelled.emit()
