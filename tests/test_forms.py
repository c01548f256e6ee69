"""Forms: every kind of parameter edits and resets; typing goes beyond the slider; refusals change nothing."""

from dataclasses import dataclass
from typing import Any

import pytest
from PySide6.QtCore import QLocale, QPoint, QPointF, Qt
from PySide6.QtGui import QWheelEvent

from explorer.base.params import ParamError, Validated, param, params
from explorer.base.registry import Registry
from explorer.ui.widgets.form_rows import NumberRow, default_of, symbol_html, tip_html
from explorer.ui.widgets.forms import Form
from explorer.ui.widgets.slider import Scale, compact

ANIMALS: Registry[Any] = Registry("animal", "tests.animals")
ANIMALS._discovered = True  # nothing to import: both are below


@ANIMALS.register("cat", title="Cat")
@dataclass(frozen=True)
class Cat(Validated):
    """Purrs."""

    lives: int = param(9, "Lives", low=1, high=9)


@ANIMALS.register("dog", title="Dog", order=150)
@dataclass(frozen=True)
class Dog(Validated):
    """Barks."""

    volume: float = param(0.5, "Volume", low=0.0, high=1.0)


@dataclass(frozen=True)
class Inner(Validated):
    width: int = param(64, "Width", low=8, high=256)


@dataclass(frozen=True)
class Owner(Validated):
    name = "owner"
    rate: float = param(
        0.5, "Rate", symbol="η_max", low=0.0, high=1.0, maximum=10.0, help="How fast", equation="eq. 3"
    )
    level: float = param(1.0, "Level", low=0.01, high=100.0, minimum=1e-5, maximum=1e4, log=True, unit="s")
    steps: int = param(100, "Steps", symbol="N", low=1, high=2000, maximum=10_000, log=True)
    count: int = param(3, "Count", low=0, high=10)
    exact: bool = param(True, "Exact")
    grid: str = param("u", "Grid", choices={"u": "Uniform", "q": "Square"})
    many: str = param("a", "Many", choices={c: f"Choice {c} is long" for c in "abcdef"})
    word: str = param("hi", "Word")
    pet: Any = param(Dog, "Pet", registry=ANIMALS)
    inner: Inner = param(Inner, "Inner")
    extra: int = param(0, "Extra", low=0, high=9, advanced=True)
    hidden: float = param(0.0, "Hidden", visible=lambda o: not o.exact)

    def __post_init__(self):
        super().__post_init__()
        if self.count > 5 and not self.exact:
            raise ParamError("owner.count above 5 needs owner.exact")


@pytest.fixture
def form(qtbot):
    form = Form(Owner())
    qtbot.addWidget(form)
    form.show()
    form.edits, form.said = [], []
    form.edited.connect(form.edits.append)
    form.refused.connect(form.said.append)
    return form


def type_in(qtbot, form, name, text):
    entry = form.row(name).entry
    entry.setFocus()
    entry.selectAll()
    qtbot.keyClicks(entry, text)
    qtbot.keyClick(entry, Qt.Key.Key_Return)


def edit(qtbot, form, name):
    """Change the parameter `name` as a person would; the value expected."""
    row = form.row(name)
    if isinstance(row, NumberRow):
        type_in(qtbot, form, name, "7" if row.param.kind == "int" else "0.25")
        return 7 if row.param.kind == "int" else 0.25
    if name == "exact":
        qtbot.mouseClick(row.switch, Qt.MouseButton.LeftButton)
        return False
    if name == "grid":
        qtbot.mouseClick(row.chooser.segments.buttons()[1], Qt.MouseButton.LeftButton)
        return "q"
    if name == "many":
        row.chooser.combo.setCurrentIndex(4)
        row.chooser.combo.activated.emit(4)
        return "e"
    if name == "word":
        row.line.selectAll()
        qtbot.keyClicks(row.line, "score")
        return "score"
    if name == "pet":
        qtbot.mouseClick(row.chooser.segments.buttons()[0], Qt.MouseButton.LeftButton)
        return Cat()
    type_in(qtbot, row.form, "width", "32")
    return Inner(32)


@pytest.mark.parametrize("name", [p.name for p in params(Owner) if p.name != "hidden"])
def test_every_kind_edits_and_resets(qtbot, form, name):
    form.show_more(True)
    assert form.row(name).isVisible()
    assert form.row(name).reset.isHidden()
    wanted = edit(qtbot, form, name)
    assert getattr(form.edits[-1], name) == wanted
    assert getattr(form.owner(), name) == wanted
    assert form.row(name).reset.isVisible()
    form.row(name).reset.click()
    assert form.owner() == form.edits[-1] == Owner()
    assert form.row(name).reset.isHidden()
    assert form.said == []


def test_typing_goes_beyond_the_slider(qtbot, form):
    for name, text, value in (
        ("rate", "7.5", 7.5), ("rate", "1/4", 0.25), ("rate", "0,16", 0.16), ("level", "2e3", 2000.0),
        ("level", "1e-5", 1e-5), ("steps", "5000", 5000), ("rate", "20 %", 0.2), ("steps", "5,500", 5500),
        ("steps", "6 000", 6000), ("steps", "7\u00a0000", 7000), ("steps", "8'000", 8000), ("steps", "9e3", 9000),
    ):  # fmt: skip
        form.edits.clear()
        type_in(qtbot, form, name, text)
        assert getattr(form.owner(), name) == pytest.approx(value)
        row = form.row(name)
        assert float(row.entry.text()) == pytest.approx(value, rel=1e-5)
        assert row.slider._beyond == (not row.param.low <= value <= row.param.high)
        assert len(form.edits) == 1


def test_a_refusal_says_why_and_keeps_the_old_value(qtbot, form):
    for name, text, says in (
        ("rate", "11", "Rate must be between 0 and 10, not 11"), ("rate", "nan", "Rate must be"),
        ("rate", "1e999", "Rate must be"), ("rate", "abc", "Rate must be a number, not 'abc'"),
        ("rate", "1/0", "1/0"), ("steps", "2.5", "Steps must be a whole number, not 2.5"),
        ("steps", "1,5", "Steps must be a whole number, not '1,5'"), ("steps", "1.000", "can mean 1 or 1000"),
        ("steps", "-3", "Steps must be between"), ("level", "0", "Level must be between"),
    ):  # fmt: skip
        form.said.clear()
        before = form.row(name).entry.text()
        type_in(qtbot, form, name, text)
        assert len(form.said) == 1
        assert says in form.said[0]
        assert form.owner() == Owner()
        assert form.edits == []
        assert form.row(name).entry.text() == before


def test_what_the_owner_refuses_as_a_whole_is_restored(qtbot, form):
    edit(qtbot, form, "exact")
    type_in(qtbot, form, "count", "8")
    assert form.said == ["Count above 5 needs Exact"]  # as the form calls them
    assert form.owner().count == 3
    assert form.row("count").entry.text() == "3"
    assert form.row("count").slider.value() == 3


def test_a_drag_that_is_refused_says_so_once(form):
    form.set_owner(Owner(exact=False))
    slider = form.row("count").slider
    for value in (6, 7, 8, 9):
        slider.setValue(value)
    assert len(form.said) == 1
    assert form.owner().count == 3


def test_set_owner_does_not_emit(form):
    other = Owner(0.9, 50.0, 7, 1, False, "q", "c", "x", Cat(3), Inner(16), 2, 0.5)
    form.set_owner(other)
    assert form.edits == [] and form.said == []
    assert form.owner() == other
    assert form.row("rate").entry.text() == "0.90"
    assert form.row("many").chooser.value() == "c"
    assert form.row("pet").form().owner() == Cat(3)
    assert form.row("inner").form.owner() == Inner(16)


def test_a_value_between_two_positions_is_left_as_it_is(form):
    form.set_owner(Owner(rate=0.123456))
    assert form.owner().rate == 0.123456
    assert form.row("rate").entry.text() == "0.123456"
    assert form.edits == []


def test_dragging_emits_continuously(qtbot, form):
    slider = form.row("rate").slider
    form.resize(280, 800)
    ended = []
    form.finished.connect(lambda: ended.append(True))
    qtbot.mousePress(slider, Qt.MouseButton.LeftButton, pos=slider.rect().center())
    for x in range(150, 200, 5):
        qtbot.mouseMove(slider, QPoint(x, 8))
    assert len(form.edits) > 5
    assert not ended
    qtbot.mouseRelease(slider, Qt.MouseButton.LeftButton, pos=QPoint(200, 8))
    assert ended


def test_visibility_follows_the_owner(qtbot, form):
    assert form.row("hidden").isHidden()
    edit(qtbot, form, "exact")
    assert form.row("hidden").isVisible()
    form.set_owner(Owner())
    assert form.row("hidden").isHidden()


def test_advanced_settings_wait_behind_more(qtbot, form):
    assert form.row("extra").isHidden()
    qtbot.mouseClick(form._more, Qt.MouseButton.LeftButton)
    assert form.row("extra").isVisible()
    form.show_more(False)
    form.set_owner(Owner(extra=4))
    assert "1 changed" in form._more.text()


def test_a_pet_remembers_what_was_set(qtbot, form):
    row = form.row("pet")
    type_in(qtbot, row.form(), "volume", "0.75")
    row.chooser.segments.buttons()[0].click()
    assert form.owner().pet == Cat()
    row.chooser.segments.buttons()[1].click()
    assert form.owner().pet == Dog(0.75)


def test_keyboard(qtbot, form):
    slider = form.row("steps").slider
    slider.setFocus()
    qtbot.keyClick(slider, Qt.Key.Key_Right)
    assert form.owner().steps > 100
    qtbot.keyClick(slider, Qt.Key.Key_Home)
    assert form.owner().steps == 1
    qtbot.keyClick(slider, Qt.Key.Key_Right)
    assert form.owner().steps == 2
    qtbot.keyClick(slider, Qt.Key.Key_PageUp)
    assert form.owner().steps > 2
    entry = form.row("count").entry
    entry.setFocus()
    qtbot.keyClick(entry, Qt.Key.Key_Up)
    assert form.owner().count == 4
    switch = form.row("exact").switch
    switch.setFocus()
    qtbot.keyClick(switch, Qt.Key.Key_Space)
    assert form.owner().exact is False
    segment = form.row("grid").chooser.segments.buttons()[0]
    segment.setFocus()
    qtbot.keyClick(segment, Qt.Key.Key_Right)
    assert form.owner().grid == "q"


def test_escape_forgets_what_was_typed(qtbot, form):
    entry = form.row("rate").entry
    entry.setFocus()
    qtbot.keyClicks(entry, "99")
    qtbot.keyClick(entry, Qt.Key.Key_Escape)
    assert entry.text() == "0.50"
    assert form.edits == [] and form.said == []


def test_the_wheel_belongs_to_the_column(form):
    assert form.row("rate").slider.hasFocus() is False
    nothing, turn = QPoint(0, 0), QPoint(0, 120)
    where = QPointF(20, 5)
    event = QWheelEvent(
        where, where, nothing, turn, Qt.MouseButton.NoButton, Qt.KeyboardModifier.NoModifier,
        Qt.ScrollPhase.NoScrollPhase, False,
    )  # fmt: skip
    form.row("rate").slider.wheelEvent(event)
    assert not event.isAccepted()
    assert form.edits == []


def test_only_skip_and_untitled(qtbot):
    form = Form(Owner(), only=("steps", "rate", "grid"), skip=("grid",), untitled=("rate",))
    qtbot.addWidget(form)
    form.show()
    assert set(form.names()) == {"steps", "rate"}
    assert not form.row("rate").title.isVisible()
    assert form.row("steps").title.isVisible()


def test_another_class_makes_another_form(qtbot, form):
    form.set_owner(Inner(128))
    assert set(form.names()) == {"width"}
    assert form.row("width").entry.text() == "128"


@pytest.mark.parametrize(
    "scale", [Scale(0.01, 100.0, log=True), Scale(1, 2000, log=True, whole=True), Scale(0, 1)]
)
def test_scales_come_back(scale):
    for tick in range(scale.ticks + 1):
        value = scale.at(tick / scale.ticks)
        assert scale.low <= value <= scale.high
        if not scale.whole:
            assert scale.share(value) * scale.ticks == pytest.approx(tick, abs=6)
        assert scale.at(scale.share(value)) == value
    assert scale.at(0) == scale.low and scale.at(1) == scale.high


def test_arrows_step_small_whole_numbers_one_by_one():
    scale, value = Scale(1, 2000, log=True, whole=True), 1
    for wanted in range(2, 14):
        value = scale.stepped(value, 1)
        assert value == wanted
    assert scale.stepped(2000, 1) == 2000 and scale.stepped(1, -1) == 1


@pytest.mark.parametrize(("value", "decimals", "text"), [
    (20.0, 1, "20.0"), (0.16, 2, "0.16"), (1.0, 2, "1.00"), (0.01, None, "0.0100"), (100.0, None, "100"),
    (1e-5, None, "1e-5"), (0.1234567, 2, "0.123457"), (200, 0, "200"), (1234567.0, None, "1.23457e6"),
])  # fmt: skip
def test_numbers_are_compact_and_honest(value, decimals, text):
    assert compact(value, decimals) == text


def test_words_of_a_row():
    rate = params(Owner)[0]
    assert symbol_html("β_max") == "<i>β</i><sub>max</sub>"
    for part in ("Rate", "<i>η</i><sub>max</sub>", "How fast", "0 to 10", "usually 0.5", "eq. 3"):
        assert part in tip_html(rate)
    assert default_of(params(Owner)[8]) == Dog()


@pytest.mark.parametrize(
    ("locale", "text", "value"),
    [
        ("de_DE", "1.500", 1500),
        ("en_US", "1,500", 1500),
        ("fr_FR", "1\u202f500", 1500),
        ("de_CH", "1’500", 1500),
    ],
)
def test_digits_are_grouped_as_the_locale_does(qtbot, form, locale, text, value):
    QLocale.setDefault(QLocale(locale))
    try:
        entry = form.row("steps").entry  # typed as an input method does: qtbot has no keys for such marks
        entry.setFocus()
        entry.selectAll()
        entry.insert(text)
        entry.setModified(True)
        entry.editingFinished.emit()
        assert form.owner().steps == value and not form.said
        type_in(qtbot, form, "level", "2,5")
        assert form.owner().level == 2.5
    finally:
        QLocale.setDefault(QLocale.c())
