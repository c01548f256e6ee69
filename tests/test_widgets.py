"""The small widgets: cards, segments, notices, timeline, charts, gallery, shortcuts, style."""

import warnings
from functools import partial

import numpy as np
import pytest
from PySide6.QtCore import QEvent, QPoint, Qt
from PySide6.QtGui import QColor, QImage
from PySide6.QtWidgets import QLabel, QWidget

from explorer.figures.theme import DARK, LIGHT
from explorer.ui.cards.charts import DistanceChart, LossChart, ScheduleChart
from explorer.ui.cards.gallery import GalleryItem, GalleryStrip, thumbnail
from explorer.ui.dialogs.shortcuts_overlay import ShortcutsOverlay
from explorer.ui.stage.timeline import Timeline, figures
from explorer.ui.widgets import icons, style
from explorer.ui.widgets.card import (
    Badge,
    Card,
    Combo,
    ElidedLabel,
    IconButton,
    NoticeBar,
    ProgressCard,
    Segmented,
    Switch,
)
from explorer.ui.widgets.chart import MOST_POINTS, Chart, pairs, ticks
from explorer.ui.widgets.notices import time_left

LEFT = Qt.MouseButton.LeftButton


def shown(qtbot, widget):
    qtbot.addWidget(widget)
    widget.show()
    return widget


def heard(signal):
    said = []
    signal.connect(lambda *values: said.append(values[0] if len(values) == 1 else values))
    return said


def ink(widget):
    """How many different colours a picture of `widget` has: 1 is blank."""
    image = widget.grab().toImage().convertToFormat(QImage.Format.Format_RGB32)
    return len(np.unique(np.frombuffer(image.constBits(), np.uint32)))


# Cards, segments, switches, icons


def test_card_folds(qtbot):
    card = Card("Process", badge="VP")
    inside = card.add(QLabel("hello"))
    shown(qtbot, card)
    said = heard(card.folded)
    card.set_folded(True)
    assert not inside.isVisible() and card.is_folded()
    qtbot.mouseClick(card._fold, LEFT)
    assert inside.isVisible()
    assert said == [True, False]
    card.badge.set("")
    assert card.badge.isHidden()


def test_segmented(qtbot):
    segments = shown(qtbot, Segmented([("a", "One"), ("b", "Two"), ("c", "Three")]))
    said = heard(segments.changed)
    assert segments.value() is None
    segments.set_value("b")
    assert segments.value() == "b" and said == []
    qtbot.mouseClick(segments.buttons()[2], LEFT)
    qtbot.keyClick(segments.buttons()[2], Qt.Key.Key_Left)
    assert said == ["c", "b"]
    qtbot.keyClick(segments.buttons()[0], Qt.Key.Key_Left)
    assert segments.value() == "c"
    segments.set_entries([(1, "x"), (2, "y")])
    assert segments.value() is None and len(segments.buttons()) == 2


def test_switch_by_keyboard(qtbot):
    switch = shown(qtbot, Switch())
    said = heard(switch.toggled)
    switch.setFocus()
    qtbot.keyClick(switch, Qt.Key.Key_Space)
    assert said == [True]
    assert ink(switch) > 2


def test_icons_are_drawn(qapp):
    for name in icons.NAMES:
        _is_drawn(name)


def _is_drawn(name):
    image = icons.icon(name, "#ff0000").pixmap(32, 32).toImage()
    image = image.convertToFormat(QImage.Format.Format_ARGB32)
    alpha = np.frombuffer(image.constBits(), np.uint8).reshape(image.height(), image.width(), 4)[..., 3]
    share = (alpha > 100).mean()
    assert 0.01 < share < 0.7, name
    # nothing touches the edge: nothing is cut off
    assert not any(edge.any() for edge in (alpha[0], alpha[-1], alpha[:, 0], alpha[:, -1])), name


def test_icon_button(qtbot):
    button = shown(qtbot, IconButton("play", "Play", primary=True, framed=True))
    button.set_icon("pause", "Pause")
    assert button.icon_name() == "pause" and button.accessibleName() == "Pause"
    assert ink(button) > 2


def test_elided_label_tells_the_whole(qtbot):
    words = shown(qtbot, ElidedLabel("A rather long name of a thing"))
    words.resize(60, 20)
    assert "…" in words.text() and words.toolTip() == words.whole()
    words.resize(600, 20)
    assert words.text() == words.whole() and words.toolTip() == ""


def test_badge(qtbot):
    badge = shown(qtbot, Badge("CPU", "warn"))
    assert badge.property("kind") == "warn"


@pytest.mark.parametrize("theme", [DARK, LIGHT], ids=["dark", "light"])
def test_the_chosen_row_of_an_open_list_can_be_read(qtbot, qapp, theme):
    style.apply(qapp, theme)
    try:
        combo = shown(qtbot, Combo())
        combo.addItems(["Euler", "Heun", "Dormand and Prince"])
        combo.setCurrentIndex(1)
        combo.showPopup()
        view = combo.view()
        image = view.viewport().grab(view.visualRect(view.currentIndex()).adjusted(8, 4, -8, -4)).toImage()
        pixels = {image.pixelColor(x, y).name() for x in range(image.width()) for y in range(image.height())}
        light = [relative_luminance(QColor(colour)) for colour in pixels]
        assert theme.accent.lower() in pixels  # it is marked
        assert (max(light) + 0.05) / (min(light) + 0.05) > 4.5  # and its words stand out from the mark
        combo.hidePopup()
    finally:
        style.apply(qapp, DARK)


def relative_luminance(colour):
    """WCAG 2.1, the definition of relative luminance."""
    parts = [v / 12.92 if v <= 0.04045 else ((v + 0.055) / 1.055) ** 2.4 for v in colour.getRgbF()[:3]]
    return float(np.dot([0.2126, 0.7152, 0.0722], parts))


def test_combo_leaves_the_wheel(qtbot):
    combo = shown(qtbot, Combo())
    combo.addItems(["a", "b"])
    event = QEvent(QEvent.Type.Wheel)
    combo.wheelEvent(event)
    assert not event.isAccepted() and combo.currentIndex() == 0


# Notices and progress


@pytest.fixture
def host(qtbot):
    host = QWidget()
    host.resize(700, 400)
    return shown(qtbot, host)


def test_notices_stack_and_go(qtbot, host, monkeypatch):
    bar = NoticeBar(host)
    bar.show_notice("one")
    bar.show_notice("two", "error")
    bar.show_notice("one")
    assert [n.text for n in bar.notices()] == ["two", "one"]
    assert host.rect().contains(bar.geometry())
    now = [0.0]
    monkeypatch.setattr("explorer.ui.widgets.notices.time.monotonic", lambda: now[0] + 1e9)
    bar._dismiss_old()
    assert [n.text for n in bar.notices()] == ["two"]  # an error stays
    bar.clear()
    assert bar.isHidden() and not bar._clock.isActive()


def test_a_notice_can_act(qtbot, host):
    bar, done = NoticeBar(host, at_top=True), []
    bar.show_notice("Out of memory.", "error", ("Use the CPU", lambda: done.append(1)))
    qtbot.mouseClick(bar.notices()[0].button, LEFT)
    assert done == [1] and bar.notices() == []


def test_many_notices_keep_the_errors(host):
    bar = NoticeBar(host)
    bar.show_notice("bad", "error")
    for i in range(10):
        bar.show_notice(f"note {i}")
    assert len(bar.notices()) == 4
    assert bar.notices()[0].text == "bad"


def test_progress(qtbot):
    card = shown(qtbot, ProgressCard("Exporting"))
    said = heard(card.cancelled)
    card.set_progress(0.5, "half")
    assert card.progress() == 0.5 and "half" in card._left.text()
    card.set_progress(float("nan"))
    card.set_progress(7.0)
    assert card.progress() == 1.0
    qtbot.mouseClick(card._cancel, LEFT)
    assert said == [()] and not card._cancel.isEnabled()
    card.start("Again")
    assert card._cancel.isEnabled()
    assert (time_left(12), time_left(200), time_left(float("inf"))) == (
        "about 12 s left",
        "about 3 min left",
        "",
    )


# Timeline


@pytest.fixture
def timeline(qtbot):
    timeline = Timeline()
    timeline.resize(1200, 52)
    timeline.set_range(101, True)
    return shown(qtbot, timeline)


def test_timeline_signals(qtbot, timeline):
    said = {
        name: heard(getattr(timeline, name))
        for name in (
            "play_toggled",
            "stepped",
            "scrubbed",
            "speed_changed",
            "loop_toggled",
            "direction_changed",
        )
    }
    for button in ("play", "back", "forward", "first", "last", "loop", "direction"):
        qtbot.mouseClick(getattr(timeline, button), LEFT)
    timeline.speed.activated.emit(4)
    assert said == {
        "play_toggled": [()], "stepped": [-1, 1], "scrubbed": [0, 100], "speed_changed": [4.0],
        "loop_toggled": [True], "direction_changed": [-1],
    }  # fmt: skip
    qtbot.mouseClick(timeline.scrubber, LEFT, pos=timeline.scrubber.rect().center())
    assert said["scrubbed"][-1] == 50
    qtbot.keyClick(timeline.scrubber, Qt.Key.Key_Right)
    assert said["scrubbed"][-1] == 51


def test_timeline_setters_do_not_emit(timeline):
    said = [heard(s) for s in (timeline.scrubbed, timeline.speed_changed, timeline.loop_toggled)]
    said.append(heard(timeline.direction_changed))
    timeline.set_position(40)
    timeline.set_loop(True)
    timeline.set_direction(-1)
    timeline.set_speed(1.9)
    timeline.set_playing(True)
    timeline.set_range(11, True)
    assert said == [[], [], [], []]
    assert timeline.position() == 10
    assert timeline.play.icon_name() == "pause"
    assert timeline.speed.currentText() == "2×"


def test_timeline_while_frames_come(timeline):
    timeline.set_range(0, False, 200)
    assert not timeline.play.isEnabled()
    timeline.set_range(50, False, 200)
    assert timeline.play.isEnabled() and timeline.scrubber.maximum() == 199
    assert timeline.scrubber._ready == pytest.approx(49 / 199)
    timeline.set_marks([0, 10, 20])
    assert ink(timeline) > 5


def test_readouts_do_not_move(timeline):
    timeline.set_readout(t=1.0, sigma=9.99, step=1, steps=200, nfe=1, distance=0.5)
    places = [r.geometry() for r in timeline.readouts.values()]
    timeline.set_readout(t=0.106, sigma=0.339, step=179, steps=200, nfe=358, distance=0.0123)
    timeline.layout().activate()
    assert [r.geometry() for r in timeline.readouts.values()] == places
    assert timeline.readouts["step"].text() == "179 / 200"
    timeline.set_readout()
    assert {r.text() for r in timeline.readouts.values()} == {"–"}


@pytest.mark.parametrize(("value", "text"), [
    (None, "–"), (float("nan"), "–"), (0.1061, "0.106"), (0.0, "0.000"), (12.345, "12.35"), (123.4, "123.4"),
    (5e4, "5.0e4"), (1e-5, "1.0e-5"),
])  # fmt: skip
def test_figures(value, text):
    assert figures(value) == text


# Charts

NAN = np.full(5, np.nan)


@pytest.mark.parametrize("make", [LossChart, ScheduleChart, DistanceChart])
def test_charts_take_anything(qtbot, make):
    chart = shown(qtbot, make())
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for values in (None, [], NAN, [1.0], [np.inf, 1.0, -np.inf], [0.0, 0.0], [-1.0, -2.0], [1e300] * 3):
            _feed(chart, values)


def _feed(chart, values):
    chart.set_data(values, values, values)
    chart.set_data(NAN, values, values)
    chart.set_data([0.0, 0.5, 1.0], values, values)
    if isinstance(chart, LossChart):
        chart.set_levels(values, values, values)
    else:
        chart.set_playhead(float("nan"))
    chart.grab()


def test_schedule_scales_a_large_sigma(qtbot):
    chart = shown(qtbot, ScheduleChart())
    t = np.linspace(0, 1, 50)
    chart.set_data(t, np.ones(50), 0.01 * 1000**t, playhead=0.3)
    assert chart.curve("sigma")[1].max() == pytest.approx(1)
    assert "10" in chart._curves["sigma"].words
    assert chart._playhead.isVisible() and chart._playhead.value() == 0.3
    chart.set_playhead(None)
    assert not chart._playhead.isVisible()


def test_loss_shows_the_excess(qtbot):
    chart = shown(qtbot, LossChart())
    chart.set_data([0, 1, 2], [1.0, 0.6, 0.5], 0.4)
    assert 10 ** chart.over_time.curve("excess")[1] == pytest.approx([0.6, 0.2, 0.1])
    assert chart.by_level.isHidden()
    chart.set_levels([0.01, 1, 100], [1, 2, 3])
    assert chart.by_level.isVisible()


def test_distance_names_both(qtbot):
    chart = shown(qtbot, DistanceChart())
    chart.resize(270, 140)
    chart.set_data([1, 0.5, 0], [1, 0.3, 0.1], [1, 0.5, 0], [1, 0.2, 0.05], floor=0.02, names=("SDE", "ODE"))
    assert [c.words for c in chart._key._curves] == ["SDE", "ODE", "data"]
    dashes = {c.dash for c in chart._curves.values()}
    assert len(dashes) == 3  # never by colour alone
    chart.set_data([1, 0], [1, 0.1])
    assert [c.words for c in chart._key._curves] == ["A"]


def test_chart_themes(qtbot):
    chart = shown(qtbot, Chart())
    chart.add_curve("a", "score", "a")
    chart.set_theme(LIGHT)
    assert chart._curves["a"].item.opts["pen"].color().name() == LIGHT.score
    chart.set_theme(DARK)
    assert chart._curves["a"].item.opts["pen"].color().name() == DARK.score


def test_long_curves_are_thinned():
    x, y = pairs(np.arange(100_000), np.arange(100_000))
    assert len(x) <= MOST_POINTS and x[0] == 0 and x[-1] == 99_999
    x, y = pairs([0, 1, np.nan], [1, np.inf, 2], log=True)
    assert list(x) == [0, 1] and y[0] == 0 and np.isnan(y[1])


@pytest.mark.parametrize(("low", "high", "log"), [
    (0, 1, False), (-3, 700, False), (-5, 2, True), (-1.1, -0.07, True), (0.1, 0.2, True), (5, 5.001, False),
    (-40, 30, True), (-0.3, 0.9, True), (-0.8, 0.8, True),
])  # fmt: skip
def test_ticks_are_few_and_inside(low, high, log):
    marks = ticks(low, high, log)
    assert 1 <= len(marks) <= 6
    assert all(low - 1e-9 <= v <= high + 1e-9 for v, _ in marks)
    assert len({text for _, text in marks}) == len(marks)


# Gallery and shortcuts


@pytest.fixture
def items():
    rng = np.random.default_rng(0)
    return [
        GalleryItem(f"d{i}", f"Data {i}", "about moons" if i == 7 else "", partial(rng.normal, size=(50, 2)))
        for i in range(9)
    ]


def test_strip_keeps_the_chosen_in_sight(qtbot, items):
    strip = shown(qtbot, GalleryStrip(items))
    said = heard(strip.chosen)
    qtbot.mouseClick(strip.thumbs[1], LEFT)
    assert said == ["d1"] and strip.value() == "d1"
    strip.set_value("d7")
    assert said == ["d1"]
    assert [t.item.name for t in strip.thumbs] == ["d0", "d1", "d2", "d3", "d7"]
    assert [t.isChecked() for t in strip.thumbs] == [False] * 4 + [True]
    assert strip.all_button.text() == "All 9"
    assert ink(strip) > 5


def test_gallery_searches_and_chooses(qtbot, items):
    strip = shown(qtbot, GalleryStrip(items))
    said = heard(strip.chosen)
    strip.open_all()
    popover = strip.popover
    assert len(popover.shown()) == 9
    qtbot.keyClicks(popover.search, "moons")
    assert [t.item.name for t in popover.shown()] == ["d7"]
    qtbot.keyClick(popover.search, Qt.Key.Key_Return)
    assert said == ["d7"]
    strip.open_all()
    strip.popover.search.setText("nothing like it")
    assert strip.popover.shown() == [] and not strip.popover._nothing.isHidden()
    strip.popover.search.clear()
    qtbot.keyClick(strip.popover, Qt.Key.Key_Right)
    qtbot.keyClick(strip.popover, Qt.Key.Key_Down)
    strip.popover.close()


def test_thumbnails_take_anything(qapp):
    many = np.random.default_rng(0).normal(size=(5000, 2))
    odd = (
        np.zeros((0, 2)),
        np.zeros((5, 2)),
        np.full((5, 2), np.nan),
        np.ones((9, 1)),
        np.arange(40.0),
        many,
    )
    for points in odd:
        assert thumbnail(points, 40, "#ff0000", 2.0).width() == 80


def test_shortcuts_overlay(qtbot, host):
    overlay = ShortcutsOverlay(
        host, [("File", "Ctrl+S", "Save"), ("View", "F", "Fit"), ("Help", "?", "This")]
    )
    overlay.toggle()
    assert overlay.isVisible() and overlay.geometry() == host.rect()
    host.resize(500, 300)
    assert overlay.geometry() == host.rect()
    words = {w.text() for w in overlay.findChildren(QLabel)}
    assert {"File", "Ctrl+S", "Save", "Fit"} <= words
    qtbot.keyClicks(overlay, "?")
    assert not overlay.isVisible()
    overlay.toggle()
    qtbot.keyClick(overlay, Qt.Key.Key_Escape)
    assert not overlay.isVisible()
    overlay.toggle()
    qtbot.mouseClick(overlay, LEFT, pos=QPoint(2, 2))
    assert not overlay.isVisible()


# Style


@pytest.fixture
def plain_style(qapp):
    yield qapp
    style.apply(qapp, DARK)
    qapp.setStyleSheet("")


@pytest.mark.parametrize("theme", [DARK, LIGHT], ids=lambda t: t.name)
def test_apply_tells_everyone(qtbot, plain_style, theme):
    chart, card = shown(qtbot, ScheduleChart()), shown(qtbot, Card("Title"))
    style.apply(plain_style, theme, 18)
    assert style.current() is theme
    assert chart._theme is theme
    assert style.px(13) == 18
    assert plain_style.palette().highlight().color().name() == theme.accent
    assert card.grab().toImage().pixelColor(40, card.height() // 2).name() == theme.panel
    style.apply(plain_style, theme)
    assert style.px(13) == 13


@pytest.mark.parametrize("theme", [DARK, LIGHT], ids=lambda t: t.name)
def test_words_can_be_read(theme):
    def light(code):
        parts = [int(code[i : i + 2], 16) / 255 for i in (1, 3, 5)]
        r, g, b = [v / 12.92 if v <= 0.04045 else ((v + 0.055) / 1.055) ** 2.4 for v in parts]
        return 0.2126 * r + 0.7152 * g + 0.0722 * b

    def contrast(a, b):
        dark, bright = sorted((light(a), light(b)))
        return (bright + 0.05) / (dark + 0.05)

    for ground in (theme.panel, theme.raised, theme.background):
        assert contrast(theme.text, ground) > 7
        assert contrast(theme.muted, ground) > 4.5
    assert contrast(style.ink_on(theme.accent), theme.accent) > 4.5
