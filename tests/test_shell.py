"""The window around the experiment: its place, focus, menus, notices and help, and how soon it is there."""

import subprocess
import sys
import weakref
from dataclasses import dataclass, replace
from itertools import product
from pathlib import Path

import pytest
import windows
from PySide6.QtCore import QMargins, QRect, QSize, Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication, QLabel, QLineEdit, QMainWindow, QMenu, QWidget

from explorer.base import paths
from explorer.base.params import Validated, param, params
from explorer.diffusion.samplers.modes import MODES
from explorer.figures.theme import theme
from explorer.guidance import CONTROLS
from explorer.labs import LABS
from explorer.session.document import Document
from explorer.session.scenes import SCENES
from explorer.ui.widgets import mnemonics, style
from explorer.ui.widgets.controls import Combo
from explorer.ui.widgets.form_parts import Entry
from explorer.ui.widgets.forms import Form
from explorer.ui.widgets.notices import NoticeBar
from explorer.ui.widgets.sides import SideColumn
from explorer.ui.window import help as reader
from explorer.ui.window import placement
from explorer.ui.window.actions import COMMANDS


@pytest.fixture
def window(qapp, qtbot, tmp_path):
    with windows.windowed(qtbot, tmp_path, size=(1280, 720), started=False) as made:
        made.activateWindow()
        windows.wait(qtbot, lambda: QApplication.activeWindow() is made)
        yield weakref.proxy(made)


def focus():
    return QApplication.focusWidget()


def real(window):
    """The window that a proxy stands for."""
    return window.left.window()


# --- where it opens ---------------------------------------------------------------------------------------

NONE = QMargins()
HD, BESIDE = QRect(0, 0, 1920, 1080), QRect(1920, 0, 2560, 1440)
#: Available parts of screens in Qt's pixels: a 1280 x 720 projector at factors of 1, 1.25, 1.5 and 2, and others.
SCREENS = [
    QRect(0, 0, 1280, 720), QRect(0, 0, 1024, 576), QRect(0, 0, 853, 480), QRect(0, 0, 640, 360), HD,
    QRect(60, 27, 1380, 843), QRect(0, 0, 3840, 2160), QRect(-1080, 0, 1080, 1920),
]  # fmt: skip


@pytest.mark.parametrize("screen", SCREENS, ids=lambda s: f"{s.width()}x{s.height()}")
@pytest.mark.parametrize(
    "wanted", [None, QRect(0, 0, 1440, 900), QRect(5000, 4000, 900, 700), QRect(-300, -200, 4000, 3000)]
)
def test_it_opens_within_the_screen(screen, wanted):
    made = placement.fitted(wanted, [screen])
    assert screen.contains(made.marginsAdded(placement.FRAME))


def test_it_comes_back_to_the_screen_that_it_was_on_and_leaves_one_that_is_gone():
    there = QRect(2200, 300, 1000, 800)
    assert placement.fitted(there, [HD, BESIDE], NONE) == there
    back = placement.fitted(there, [HD], NONE)
    assert HD.contains(back) and back.size() == there.size()
    between = QRect(1700, 100, 1000, 700)  # most of it is on the second
    assert placement.fitted(between, [HD, BESIDE], NONE) == QRect(1920, 100, 1000, 700)


def test_what_is_too_small_for_the_window_shows_its_upper_left_corner():
    made = placement.fitted(None, [QRect(0, 0, 400, 300)], NONE, QSize(528, 250))
    assert made.topLeft() == QRect().topLeft() and made.width() == 528


@pytest.mark.parametrize("maximized", [False, True])
def test_place_size_and_maximized_are_remembered(qapp, qtbot, tmp_path, maximized):
    first, second = QMainWindow(), QMainWindow()
    settings = windows.settings(tmp_path)
    try:
        placement.place(first, settings)
        first.setGeometry(QRect(40, 50, 500, 400))
        if maximized:
            first.showMaximized()
        placement.remember(first, settings)
        settings.sync()
        placement.place(second, windows.settings(tmp_path))
        assert second.isMaximized() == maximized
        if not maximized:
            assert second.geometry() == QRect(40, 50, 500, 400)
    finally:
        windows.dispose(first)
        windows.dispose(second)


@pytest.mark.parametrize(
    ("size", "state"),
    [
        *product([(1280, 720), (700, 600), (640, 360)], ["stage", "compare", "gallery", "laboratory"]),
        *product([(418, 210)], ["stage", "compare"]),  # a page needs more of the height
    ],
)
def test_everything_is_reachable_in_a_small_window(qtbot, window, size, state):
    if state == "compare":
        window.commands.compare()
    elif state == "gallery":
        window.commands.laboratories()
    elif state == "laboratory":
        window.labs.open("schedules")
    window.resize(*size)
    windows.wait(qtbot, lambda: (window.width(), window.height()) == size)
    qtbot.wait(30)
    whole = window.rect()
    buttons = [button for button in window.top._buttons if button.isVisible()]
    assert window.top._buttons[-1] in buttons and (size[0] < 600 or len(buttons) == len(window.top._buttons))
    for part in (window.timeline.play, window.timeline.scrubber, *buttons, window.top._menus):
        assert part.isVisible() and whole.contains(
            QRect(part.mapTo(real(window), part.rect().topLeft()), part.size())
        )
    bar = window.bar
    shown = [bar.actionGeometry(action) for action in bar.actions() if action.isVisible()]
    assert all(box.width() > 0 and bar.rect().contains(box) for box in shown)
    menus = [*bar.actions()[:-1], *window.top.more.actions()]
    assert [mnemonics.plain(a.text()) for a in menus] == [*dict.fromkeys(c.menu for c in COMMANDS if c.menu != "Help"),
                                                          "Scenes", "Help"]  # fmt: skip


def test_a_cramped_window_shows_the_column_that_was_asked_for_last(qtbot, window):
    window.resize(700, 600)
    windows.wait(qtbot, lambda: window.width() == 700)
    assert window.left.isVisible() and not window.right.isVisible()
    window.commands.toggle_right()
    assert window.right.isVisible() and not window.left.isVisible()
    window.commands.toggle_left()
    assert window.left.isVisible() and not window.right.isVisible()
    window.resize(1280, 720)
    windows.wait(qtbot, lambda: window.right.isVisible() and window.left.isVisible())


def test_in_a_tight_window_a_column_stands_in_the_place_of_the_stage(qtbot, window):
    """As a screen of 1280 x 720 has room for at a scale of 3."""
    window.resize(418, 210)
    windows.wait(qtbot, lambda: (window.width(), window.height()) == (418, 210))
    columns = window.left, window.right
    assert window.middle.isVisible() and not any(column.isVisible() for column in columns)
    for toggle, shown in (
        (window.commands.toggle_left, window.left),
        (window.commands.toggle_right, window.right),
    ):
        toggle()
        assert not window.middle.isVisible() and [c for c in columns if c.isVisible()] == [shown]
        assert window.width() == 418
    window.commands.toggle_right()
    assert window.middle.isVisible() and not any(column.isVisible() for column in columns)
    window.resize(1280, 720)
    windows.wait(qtbot, lambda: all(part.isVisible() for part in (window.middle, *columns)))


# --- the keyboard ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("mode", MODES)
def test_the_focus_never_falls_into_a_field(qtbot, window, mode):
    """Whatever has the focus in a card, and whatever mode, control or data make it vanish."""
    window.commands.set_mode(mode)
    fields = [w for kind in (Combo, QLineEdit) for w in window.left.findChildren(kind) if w.isVisible()]
    for held in fields:
        window.commands.set_mode(mode)
        if held.isVisible():
            held.setFocus()
        for other in MODES:
            window.commands.set_mode(other)
            assert held.isVisible() or not isinstance(focus(), QLineEdit), (held, other)


def test_single_keys_work_after_a_choice_with_the_mouse(qtbot, window):
    """As a person did: ODE, another solver by the mouse, PC, and one step."""
    window.commands.set_mode("ode")
    combo = window.sampler.form.row("solver").chooser.combo
    QTest.mouseClick(combo, Qt.MouseButton.LeftButton)
    combo.hidePopup()
    assert focus() is not combo
    QTest.keyClick(focus() or real(window), Qt.Key.Key_4)
    assert window.shown_experiment().sampler.mode == "pc"
    steps = window.shown_experiment().sampler.steps
    QTest.keyClicks(focus() or real(window), ".,")
    assert window.shown_experiment().sampler.steps == steps
    assert window.sampler.form.row("steps").entry.text() == str(steps)


@pytest.mark.parametrize("end", ["enter", "escape", "click"])
def test_a_number_field_gives_the_keyboard_back(qtbot, window, end):
    entry = window.sampler.form.row("steps").entry
    before = window.shown_experiment().sampler.steps
    QTest.mouseClick(entry, Qt.MouseButton.LeftButton)
    assert focus() is entry
    QTest.keyClicks(entry, "37")  # in the place of what was there
    if end == "click":
        QTest.mouseClick(window.compare_button, Qt.MouseButton.LeftButton)
    else:
        QTest.keyClick(entry, Qt.Key.Key_Return if end == "enter" else Qt.Key.Key_Escape)
    assert not isinstance(focus(), QLineEdit)
    assert window.shown_experiment().sampler.steps == (before if end == "escape" else 37)


def test_no_entry_takes_the_focus_unasked(window):
    assert not isinstance(focus(), QLineEdit)
    for entry in real(window).findChildren(Entry):
        assert not entry.hasFocus()


def test_a_card_in_view_is_left_alone(qtbot, window):
    """The column once measured the card, which resized it, which measured it: 8,000 times a second."""
    measured = []
    for column in real(window).findChildren(SideColumn):
        column._due.timeout.connect(lambda: measured.append(1))
    window.commands.next_control()
    windows.keep_going(qtbot, 1.0)
    assert 1 <= len(measured) < 50


@pytest.mark.parametrize(
    "name", [name for name, cls in CONTROLS.items() if cls.suits(Document().experiment.data.mixture)]
)
def test_a_card_that_grows_is_brought_into_view(qtbot, window, name):
    window.control.choose("none")
    window.left.verticalScrollBar().setValue(0)
    window.control.choose(name)
    card, view = window.control, window.left.viewport()

    def seen():
        top = card.mapTo(view, card.rect().topLeft()).y()
        return top >= 0 and (top + card.height() <= view.height() or top == 0)

    if name == "none":
        qtbot.wait(30)
        assert window.left.verticalScrollBar().value() == 0
    else:
        windows.wait(qtbot, seen)
        qtbot.wait(30)
        assert seen()


# --- menus -------------------------------------------------------------------------------------------------

TEXTS = [
    ["File", "Edit", "Play", "Sampler", "Process", "View", "Labs", "Scenes", "Help", "More"],
    ["Save", "Save as…", "Save model…", "Several", "S", "s"],
    ["R&D", "Rare", "D"],
    ["文件", "编辑", "文", "打开…"],
    [f"mode {i}" for i in range(1, 31)],
    [f"mode {i}" for i in range(60)],
    ["", "a"],
]


@pytest.mark.parametrize("texts", TEXTS, ids=lambda t: t[0][:5] or "empty")
@pytest.mark.parametrize("taken", ["", "EPTCK"])
def test_every_entry_has_a_letter_of_its_own(texts, taken):
    made = mnemonics.lettered(texts, taken)
    letters = [m[m.replace("&&", "  ").index("&") + 1].upper() for m in made if "&" in m.replace("&&", "  ")]
    assert len(letters) == len(set(letters)) and not set(letters) & set(taken)
    assert len(letters) == min(sum(bool(t) for t in texts), 36 - len(taken))
    assert [mnemonics.plain(m) for m in made] == texts


def opened(menu):
    menu.aboutToShow.emit()
    return [action for action in menu.actions() if not action.isSeparator() and action.isVisible()]


def test_the_letters_of_all_menus_are_unique_on_their_level(window):
    alt = {c.keys[-1] for c in COMMANDS if c.keys.startswith("Alt+")}
    levels, found = [(window.bar.actions(), alt)], 0
    while levels:
        actions, taken = levels.pop()
        letters = [
            a.text().replace("&&", "")[a.text().replace("&&", "").index("&") + 1].upper() for a in actions
        ]
        assert len(set(letters)) == len(letters) and not set(letters) & taken, letters
        found += len(letters)
        for action in actions:
            if (
                isinstance(action.menu(), QMenu)
                and action.menu() is not window.top.more
                and opened(action.menu())
            ):
                levels.append((opened(action.menu()), set()))
    assert found > len(COMMANDS) + len(LABS) / 2 + len(SCENES)


def test_the_menus_open_by_keys(qtbot, window):
    for key, modifier, first in ((Qt.Key.Key_F10, Qt.KeyboardModifier.NoModifier, "New"),
                                 (Qt.Key.Key_V, Qt.KeyboardModifier.AltModifier, "Fit")):  # fmt: skip
        window.setFocus()
        QTest.keyClick(real(window), key, modifier)
        menu = QApplication.activePopupWidget()
        assert mnemonics.plain(menu.actions()[0].text()) == first
        QTest.keyClick(menu, Qt.Key.Key_Escape)
        QTest.keyClick(focus(), Qt.Key.Key_Escape)
        assert focus() is real(window) and QApplication.activePopupWidget() is None


# --- notices and captions --------------------------------------------------------------------------------------


@pytest.mark.parametrize("width", [320, 420, 900])
def test_a_notice_keeps_its_button_whole(qtbot, width):
    host = QWidget()
    try:
        host.resize(width, 500)
        host.show()
        bar = NoticeBar(host)
        bar.show_notice(
            "Training on your images stopped at 5 %. " * 3, "offer", ("Resume training", lambda: None)
        )
        (notice,) = bar.notices()
        qtbot.wait(20)
        assert host.rect().contains(bar.geometry())
        button, words = notice.button, next(x for x in notice.findChildren(QLabel) if x.text() == notice.text)
        assert button.width() >= button.sizeHint().width() and notice.rect().contains(button.geometry())
        assert words.height() >= words.heightForWidth(words.width()) and words.width() >= 150
        assert not words.geometry().intersects(button.geometry())
    finally:
        windows.dispose(host)


@pytest.mark.parametrize("kind", ["info", "warn", "offer"])
def test_notices_leave_when_their_time_is_over(qtbot, monkeypatch, kind):
    host, now = QWidget(), [0.0]
    monkeypatch.setattr("explorer.ui.widgets.notices.time.monotonic", lambda: now[0])
    try:
        bar = NoticeBar(host)
        bar.show_notice("It can be resumed.", kind, ("Resume", lambda: None))
        bar._dismiss_old()
        assert len(bar.notices()) == 1
        now[0] = 30.0
        bar._dismiss_old()
        assert not bar.notices()
    finally:
        windows.dispose(host)


def test_a_notice_covers_no_figure(qtbot, window):
    window.labs.open("schedules")
    window.notices.show_notice("Training on MNIST digits stopped at 5 %.", "offer", ("Resume", lambda: None))
    qtbot.wait(30)
    page, bar = window.labs.page, window.notices
    assert page.mapTo(window.middle, page.rect().bottomLeft()).y() < bar.geometry().top()
    window.notices.clear()
    qtbot.wait(30)
    assert page.height() == window.middle.height()


@pytest.mark.parametrize(
    "scene", [s for s in SCENES if not s.document.experiment.pictures], ids=lambda s: s.name
)
def test_a_scene_speaks_beside_the_stage_and_runs(qtbot, window, scene):
    window.labs.play_scene(scene.name)
    assert not window.notices.notices()
    if scene.lab:
        assert scene.words in window.labs.page.note.text() and not window.caption.isVisible()
        assert not window.session.lab.waits_for_run
        return
    assert window.caption.words.text() == scene.words
    qtbot.wait(20)
    for stage in (s for s in window.stages.values() if s.isVisible()):
        caption = window.caption.mapTo(real(window), window.caption.rect().bottomLeft()).y()
        assert caption < stage.mapTo(real(window), stage.rect().topLeft()).y()
    window.commands.new()
    assert not window.caption.isVisible()


# --- what was not saved -----------------------------------------------------------------------------------------


def test_new_offers_to_reopen_what_was_not_saved(window):
    window.documents.new()
    assert not window.notices.about("reopen")  # nothing was changed
    window.edit("seed", 77)
    before = window.session.document
    window.commands.new()
    window.edit("seed", 5)  # undo alone would lead back here
    (offer,) = window.notices.about("reopen")
    offer.button.click()
    assert window.session.document.made == before.made and window.documents.dirty


def test_the_next_start_offers_to_reopen_what_was_not_saved(qapp, qtbot, tmp_path, monkeypatch):
    monkeypatch.setenv("SCORE_EXPLORER_DATA", str(tmp_path))
    for start in range(2):
        with windows.windowed(qtbot, tmp_path, started=False) as window:
            window.documents.start()
            if start == 0:
                assert not window.notices.about("reopen")
                window.edit("seed", 4321)
                continue
            assert window.session.document.experiment.seed != 4321
            (offer,) = window.notices.about("reopen")
            offer.button.click()
            windows.wait(qtbot, lambda window=window: window.session.document.experiment.seed == 4321)


# --- help ---------------------------------------------------------------------------------------------------------


def test_every_page_can_be_read_and_every_formula_is_found():
    pages = reader.pages()
    assert pages[0] == reader.FIRST and len(pages) == 1 + len(list(paths.docs().glob("*.md")))
    assert len({reader.title(page) for page in pages}) == len(pages)
    for page in pages:
        text, formulas = reader.with_formulas(reader.source(page))
        assert text.count("](equation:") == len(formulas) and all(formulas)


def test_formulas_are_set_but_not_in_code():
    text, formulas = reader.with_formulas("a $x_0$ and `$HOME`\n\n$$y\n= 2$$\n\n```\necho $A $B\n```\n")
    assert formulas == ["x_0", "y = 2"] and "`$HOME`" in text and "echo $A $B" in text
    image = reader.set_formula("x_0", "#ffffff", 14.0)
    assert image.width() > 5 and image.height() > 5
    assert reader.set_formula(r"\frac{", "#ffffff", 14.0).isNull()


def test_every_laboratory_and_card_has_a_page(window):
    for name in LABS:
        assert reader.LAB_PAGES.get(name, "laboratories") in reader.pages()
    for card, page in (
        (window.data, "distributions"), (window.process, "sdes"), (window.score, "scores-and-training"),
        (window.sampler, "samplers"), (window.control, "control"), (window.right.layers, "see-it-work"),
    ):  # fmt: skip
        part = next(
            w
            for w in card.findChildren(QWidget)
            if w.focusPolicy() != Qt.FocusPolicy.NoFocus and w.isVisible()
        )
        part.setFocus()
        assert reader.page_for(real(window)) == page
    window.commands.help()
    assert window.help.isVisible() and window.help.reader.page == "see-it-work"
    window.help.close()


def test_links_lead_from_page_to_page(qtbot):
    browser = reader.Reader()
    try:
        browser.read("samplers")
        browser.read("codes")
        assert browser.can_return()
        browser.go_back()
        assert browser.page == "samplers" and "Samplers" in browser.toPlainText()
    finally:
        browser.stop()
        windows.dispose(browser)


# --- words, tips, style -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "text", ["short", "a long sentence " * 8, "<b>rich</b> " * 20, "from [S21]", "a < b & c " * 10]
)
def test_long_tips_are_broken_into_lines(text):
    tip = style.tip(text)
    assert ("\n" in tip or tip.startswith("<")) == (len(text) > 60 or "[S21]" in text)
    assert "[S21]" not in text or "arXiv" in tip


def test_what_zero_means_is_said(qtbot):
    @dataclass(frozen=True)
    class Limited(Validated):
        most: int = param(0, "Most", low=0, high=10, minimum=0, zero="no limit")

    form = Form(Limited())
    try:
        words = [x.text() for x in form.row("most").findChildren(QLabel)]
        assert "no limit" in words
        form.set_owner(Limited(3))
        assert "no limit" not in [x.text() for x in form.row("most").findChildren(QLabel)]
    finally:
        windows.dispose(form)


def test_the_name_of_the_experiment_comes_before_the_badges(qtbot, window, monkeypatch):
    for width in (1000, 1280, 1440, 2000):
        window.resize(width, 720)
        for text in (
            "Eight Gaussians · VP · pretrained network",
            "A much longer name of the data · sub-VP · exact score",
        ):
            monkeypatch.setattr(window.telling, "_now", lambda text=text: text)  # what the clock shows anew
            window.top.set_now(text)
            qtbot.wait(10)
            if window.top._badges.isVisible():
                assert window.top.now.text() == text


@pytest.mark.parametrize("name", ["light", "dark"])
def test_a_theme_is_put_on_once(window, monkeypatch, name):
    """Each style sheet costs a look at every widget."""
    window.theme_name = "light" if name == "dark" else "dark"
    window.dress()
    sheets = []
    monkeypatch.setattr(QApplication, "setStyleSheet", lambda self, sheet: sheets.append(sheet))
    window.commands.toggle_theme()
    window.dress()
    assert (
        window.theme_name == name and sheets[0] == style.sheet(theme(name), style.TEXT) and len(sheets) <= 2
    )


# --- how soon ---------------------------------------------------------------------------------------------------------


def test_what_is_not_seen_at_once_is_not_made_at_once():
    """The window that opens has loaded neither torch nor what draws charts, laboratories, scenes, videos."""
    code = """
import sys
from PySide6.QtCore import QSettings
from PySide6.QtWidgets import QApplication
from explorer.session import Session
from explorer.ui.window.app import make_settings
from explorer.ui.window.window import MainWindow
app = QApplication([])
window = MainWindow(Session(), make_settings())
window.show()
print([m for m in ("torch", "pyqtgraph", "explorer.session.scenes",
                   "explorer.ui.labs.page", "jaxtyping", "av", "qasync") if m in sys.modules])
window.close()
"""
    done = subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        text=True,
        check=True,
        cwd=Path(__file__).parent.parent,
    )
    assert done.stdout.strip() == "[]"


def test_rows_are_made_when_they_are_first_shown(qtbot, window):
    form = window.sampler.form
    made, all_rows = set(form._rows), set(form.names())
    assert made < all_rows and {n for n in made if not form.row(n).isHidden()} == {
        n for n in all_rows if form.shown(n)
    }
    window.commands.set_mode("annealed")
    shown = {n for n in all_rows if form.shown(n)}
    assert shown <= set(form._rows) and "corrector" in {p.name for p in params(type(form.owner()))}
    order = [form._column.indexOf(form._rows[n]) for n in form.names() if n in form._rows]
    assert order == sorted(order)
    window.edit("sampler", replace(form.owner(), mode="ode"))
    assert isinstance(window.left, SideColumn)
