"""Equations: typeset in the background, in the colours of their terms, and never in the window's way."""

import threading

import numpy as np
import pytest
from PySide6.QtGui import QColor, QImage

from explorer.diffusion.sdes import SDES
from explorer.figures.theme import DARK, LIGHT
from explorer.ui.widgets import equation
from explorer.ui.widgets.equation import EquationView, arrange, coloured, pieces, plain, typeset

STEP = (
    r"x_i = x_{i+1} \drift{+\tfrac{1}{2}\beta x} \score{+\beta s_\theta}"
    r" \noise{+\sqrt{\beta}\,z} \corrector{+\epsilon s_\theta}"
)


def colours(view):
    """A function that counts the pixels near a colour in the picture of `view`."""
    image = view.grab().toImage().convertToFormat(QImage.Format.Format_RGB32)
    pixels = np.frombuffer(image.constBits(), np.uint8).reshape(-1, 4)[:, 2::-1].astype(int)

    def near(code):
        return int((np.abs(pixels - QColor(code).getRgb()[:3]).sum(axis=1) < 60).sum())

    return near


@pytest.fixture
def view(qtbot):
    view = EquationView()
    qtbot.addWidget(view)
    view.resize(300, 40)
    view.show()
    yield view
    qtbot.waitUntil(lambda: view._job is None)


def test_without_a_formula_there_is_nothing_to_wait_for(qtbot, view):
    """Also before it is shown or dressed: the pictures of the window wait for every equation in it."""
    assert view.is_current()
    view.set_latex("x^2")
    assert not view.is_current()
    view.set_latex("")
    assert view.is_current()
    qtbot.waitUntil(lambda: view._job is None, timeout=10_000)


def show(qtbot, view, latex):
    view.set_latex(latex)
    qtbot.waitUntil(view.is_current, timeout=10_000)


@pytest.mark.parametrize("theme", [DARK, LIGHT], ids=lambda t: t.name)
def test_terms_have_their_colours(qtbot, view, theme):
    view.set_theme(theme)
    show(qtbot, view, STEP)
    near = colours(view)
    for role in ("drift", "score", "noise", "corrector", "text"):
        assert near(getattr(theme, role)) > 8, role


def test_a_formula_without_a_term_has_not_its_colour(qtbot, view):
    view.set_theme(LIGHT)
    show(qtbot, view, r"dx = \noise{dw}")
    near = colours(view)
    assert near(LIGHT.noise) > 10
    assert near(LIGHT.corrector) == 0


def test_every_sde_is_typeset(qtbot, view):
    for sde in SDES.values():
        show(qtbot, view, sde().equation_now())
        assert not view.failed(), sde
        assert view.height() > 10


def test_what_cannot_be_typeset_is_shown_as_text(qtbot, view):
    show(qtbot, view, r"\frac{a + \drift{b")
    assert view.failed()
    assert colours(view)(view.palette().color(view.foregroundRole()).name()) > 0
    show(qtbot, view, "x = y")
    assert not view.failed()


def test_the_last_picture_stays_while_the_next_is_made(qtbot, view, monkeypatch):
    show(qtbot, view, "x = 1")
    before = view.grab().toImage()
    gate = threading.Event()
    real = equation.typeset
    monkeypatch.setattr(equation, "typeset", lambda *key: gate.wait(10) and real(*key))
    view.set_latex("x = 22222")
    qtbot.wait(60)
    assert not view.is_current()
    assert view.grab().toImage() == before
    gate.set()
    qtbot.waitUntil(view.is_current)
    assert view.grab().toImage() != before


def test_a_hundred_changes_make_few_formulas(qtbot, view, monkeypatch):
    made = []
    real = equation.typeset
    monkeypatch.setattr(equation, "typeset", lambda *key: made.append(key) or real(*key))
    for i in range(100):
        view.set_latex(f"x = {i}")
    assert threading.active_count() < 10
    qtbot.waitUntil(view.is_current)
    assert view.latex() == "x = 99"
    assert len(made) == 2  # the first, and the newest


def test_the_worker_is_not_the_windows_thread(qtbot, view, monkeypatch):
    where = []
    real = equation.typeset
    monkeypatch.setattr(
        equation, "typeset", lambda *key: where.append(threading.current_thread()) or real(*key)
    )
    show(qtbot, view, "y = 7")
    assert where and threading.main_thread() not in where


def test_an_empty_formula_is_empty(qtbot, view):
    view.set_theme(LIGHT)
    view.setStyleSheet("background: white")
    show(qtbot, view, r"\noise{x = y}")
    assert colours(view)(LIGHT.noise) > 0
    show(qtbot, view, "")
    assert not view._clock.isActive()
    assert colours(view)(LIGHT.noise) == 0


def test_pieces():
    assert pieces(r"dx = a,\; b = c") == ["dx = a,", "b = c"]
    assert pieces(r"a \\ b") == ["a", "b"]
    assert pieces(r"a, \qquad b") == ["a,", "b"]
    assert pieces(r"\noise{a,\; b}") == [r"\noise{a,\; b}"]
    assert pieces(r"\begin{cases} a \\ b \end{cases}") == [r"\begin{cases} a \\ b \end{cases}"]
    assert pieces(r"\{a\} \quad b") == [r"\{a\}", "b"]


def test_colours_become_latex():
    assert coloured(r"\drift{x}", LIGHT) == rf"\textcolor{{{LIGHT.drift}}}{{x}}"
    assert r"\;" in coloured(r"a \noise{+ b}", DARK)
    assert "drift" not in plain(r"\drift{\frac{1}{2}} x")


def test_a_narrow_place_breaks_the_line():
    lines = typeset(r"dx = -\beta x\,dt + dw,\;\beta = 0.1 + 19.9\,t", "#000000", 16.0)
    assert len(lines) == 2
    wide, low = arrange(lines, 2000)
    narrow, high = arrange(lines, lines[0].width + 1)
    assert high > low
    assert wide[1][1].x() > 0 and narrow[1][1].x() == 0
    squeezed, _ = arrange(lines, lines[0].width * 0.8)
    assert squeezed[0][1].width() == pytest.approx(lines[0].width * 0.8)


def test_formulas_are_kept():
    typeset.cache_clear()
    typeset("a+b", "#000000", 16.0)
    typeset("a+b", "#000000", 16.0)
    assert typeset.cache_info().hits == 1
