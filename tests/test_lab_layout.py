"""The page of a laboratory: the main figure has the room, nothing overlaps, and no words leave their card."""

from dataclasses import replace
from functools import cache
from itertools import combinations

import numpy as np
import pytest
from PySide6.QtCore import QPointF, QRectF, QSizeF
from PySide6.QtGui import QFontMetricsF

from explorer.data.images import DATA
from explorer.diffusion.simulate import simulate
from explorer.experiment.defaults import with_data
from explorer.experiment.resolution import resolve
from explorer.figures import files as figure_files
from explorer.figures.figure import Picture, Plot, Series
from explorer.labs import LABS, SECTIONS, Context
from explorer.labs.convergence import Convergence
from explorer.session.document import Document
from explorer.ui.figures.grid import Wish
from explorer.ui.figures.ink import Sheet
from explorer.ui.figures.views import DrawnCard, EquationCard, beside, readings
from explorer.ui.labs.layout import LEAST_MAIN, Room, placed
from explorer.ui.labs.page import LabPage, sentences
from explorer.ui.widgets import style

#: The page in a window of 1280 x 720, of 1440 x 900, and of 2560 x 1440.
PAGES = ((640, 595), (800, 775), (1920, 1315))
WISHES = {
    "p": Wish(),
    "s": Wish(least=250, shape=1.05, above=60),
    "w": Wish(least=250, shape=4.0, above=60),
    "t": Wish(34, width=220),
    "T": Wish(300, width=560),
    "e": Wish(90, width=260),
    "E": Wish(120, width=600),
}


def meet(a, b):
    return a[0] < b[0] + b[2] and b[0] < a[0] + a[2] and a[1] < b[1] + b[3] and b[1] < a[1] + a[3]


@pytest.mark.parametrize("scale", [1.0, 1.5])
@pytest.mark.parametrize("size", [(620, 520), (640, 400), (790, 700), (1900, 1250), (420, 600)])
@pytest.mark.parametrize(
    "kinds",
    [
        "p",
        "s",
        "pp",
        "sp",
        "sppp",
        "spppp",
        "ppppp",
        "spt",
        "ptt",
        "pee",
        "seet",
        "peT",
        "sTpp",
        "sEtp",
        "wpt",
        "ssppp",
    ],
)
def test_the_main_figure_has_the_room(kinds, size, scale):
    wishes = [WISHES[k] for k in kinds]
    main = [0, 1] if kinds.startswith("ss") else [0]
    boxes, total = placed(wishes, main, Room(*size, scale))
    for box, wish in zip(boxes, wishes, strict=True):
        x, y, wide, high = box
        assert x >= 0 and y >= 0 and x + wide <= size[0] and y + high <= total
        assert wish.height is None or high >= wish.height
    assert not any(meet(a, b) for a, b in combinations(boxes, 2))
    shown = [boxes[i] for i in main]
    right, foot = max(x + w for x, _, w, _ in shown), max(y + h for _, y, _, h in shown)
    assert right > 0.55 * size[0] and foot >= int(LEAST_MAIN * size[1])
    assert all(
        b[2] * b[3] < shown[0][2] * shown[0][3]
        for i, b in enumerate(boxes)
        if kinds[i] in "psw" and i not in main
    )


@pytest.mark.parametrize("kinds", ["", "t", "te", "TTe"])
def test_tables_and_equations_alone_stand_one_below_the_other(kinds):
    boxes, _ = placed([WISHES[k] for k in kinds], [], Room(620, 520))
    assert not any(meet(a, b) for a, b in combinations(boxes, 2))
    assert all(high >= (WISHES[k].height or 0) for (*_, high), k in zip(boxes, kinds, strict=True))


# --- every laboratory ----------------------------------------------------------------------------------------


@cache
def context_of(data):
    e = Document().experiment
    e = with_data(e, DATA[data]()) if data else e
    resolved = resolve(e)
    *_, end = simulate(e.sde, replace(e.sampler, steps=20, particles=50), resolved.score, e.target, e.seed)
    return Context(e, resolved, 0.3, (end,))


@cache
def last_report(name, data=""):
    """The last report of a laboratory at its cheapest, on these data: the usual ones, images where it is for those."""
    lab = LABS[name].quick()
    *_, report = lab.reports(lab.looks_at(context_of(data or ("" if lab.for_points else "mnist"))))
    return report


@pytest.fixture
def page(qapp, qtbot):
    style.apply(qapp, style.current())
    made = LabPage()
    qtbot.addWidget(made)
    made.show()
    return made


def show(page, qtbot, name, report, size):
    page.resize(*size)
    page.set_lab(LABS[name].quick(), SECTIONS[LABS[name].section])
    page.show_report(report, "")
    page.show_progress(False, 1.0)
    views = [card.view for card in page.board.cards if isinstance(card, EquationCard)]
    qtbot.waitUntil(lambda: all(view.is_current() for view in views), timeout=20_000)
    for _ in range(3):
        qtbot.wait(1)


@pytest.mark.parametrize("name", LABS)
def test_in_every_laboratory_it_has_half_the_page_and_nothing_is_cut(page, qtbot, monkeypatch, name):
    said = []
    plain = Sheet.words

    def words(sheet, x, y, text, size, role="text", bold=False):
        metrics = QFontMetricsF(sheet.ink.font(size, bold))
        said.append(
            (text, QRectF(x, y - metrics.ascent(), metrics.horizontalAdvance(text), metrics.height()))
        )
        plain(sheet, x, y, text, size, role, bold)

    monkeypatch.setattr(Sheet, "words", words)
    report = last_report(name)
    for size in PAGES:
        show(page, qtbot, name, report, size)
        board = page.board
        drawn = [c for c in board.cards if isinstance(c.figure, Plot | Picture)]
        main = [board.cards[i] for i in board.main()]
        assert bool(main) == bool(drawn), name
        if main:
            assert max(c.y() + c.height() for c in main) >= 0.5 * page.height(), name
            assert max(c.x() + c.width() for c in main) >= 0.55 * page.width(), name
            assert all(c.brief for c in drawn if c not in main), name
        boxes = [c.geometry() for c in board.cards]
        assert not any(a.intersects(b) for a, b in combinations(boxes, 2)), name
        assert all(board.rect().contains(box) for box in boxes), name
        for card in board.cards:
            if isinstance(card, DrawnCard):
                said.clear()
                card._refresh()
                card.grab()
                for text, box in said:
                    assert QRectF(card.rect()).adjusted(-1, -3, 1, 3).contains(box), (
                        name,
                        card.figure.title,
                        text,
                    )
                if card in main:
                    assert not [t for t, _ in said if t.endswith("…")], (name, [t for t, _ in said])
            else:
                inside = card.rect().adjusted(0, 0, 1, 1)
                assert inside.contains(card.view.geometry()), name
                assert all(b.right() <= card.view.width() + 1 for b in card.view.boxes()), name
                need = card._words.heightForWidth(card._words.width())
                assert not card._words.text() or card._words.height() >= need, name


@pytest.mark.parametrize("name", [name for name in LABS if LABS[name].main])
def test_named_main_figures_exist(name):
    """Some have others on the line."""
    line = LABS[name].for_points and not LABS[name].quick().refusal(context_of("two_modes_1d").experiment)
    reports = [last_report(name), *([last_report(name, "two_modes_1d")] if line else [])]
    for begins in LABS[name].main:
        assert any(f.title.startswith(begins) for report in reports for f in report.figures), begins


# --- what plots can have ---------------------------------------------------------------------------------------


def test_guides_have_the_slopes_that_they_name():
    e = Document().experiment
    lab = Convergence.quick()
    *_, report = lab.reports(Context(e, resolve(e)))
    plot = report.figures[0]
    assert [g.word for g in plot.guides][:2] == ["order 1", "order 2"]
    for guide in plot.guides:
        slope = np.diff(np.log(guide.y)) / np.diff(np.log(guide.x))
        assert slope == pytest.approx(-float(guide.word.split()[1]))
        assert guide.x[0] == min(lab.counts) and guide.x[1] == max(lab.counts)
    source = figure_files.Source("x")
    assert (
        sum(
            line.startswith(f"{plot.title},order 1,")
            for line in figure_files.csv_text([plot], source).splitlines()
        )
        == 2
    )
    arrays = figure_files.arrays_of([plot], {}, source)
    assert any("order_1__x" in key for key in arrays)
    assert figure_files.summary([plot], source)["figures"][0]["guides"][0]["name"] == "order 1"


ROWS = Plot(
    "Rows", "", "distance",
    (Series("one", np.array([1.0, 2.0]), np.array([0.1, 0.3]), "accent", "none", True, np.array([0.01, 0.02])),
     Series("two", np.array([2.0]), np.array([0.5]), "score", "none", True)),
    log_y=True, rows=("Ancestral", "Reverse diffusion"), marks=((0.5, "VP"),),
)  # fmt: skip


def test_rows_have_names_in_the_image_under_the_mouse_and_in_files(qapp, qtbot):
    card = DrawnCard()
    qtbot.addWidget(card)
    card.resize(500, 300)
    card.set_figure(ROWS)
    card.grab()
    area = card.area()
    assert area.place(0.1, 1).y() < area.place(0.1, 2).y() and area.place(0.1, 1).x() < area.place(0.3, 1).x()
    words = [w for w, _ in readings(ROWS, area, area.place(0.3, 2))]
    assert words[0] == "Reverse diffusion" and words[1].startswith("one  0.3 ±") and words[2] == "two  0.5"
    rows = [
        line.split(",") for line in figure_files.csv_text([ROWS], figure_files.Source("")).splitlines()[3:]
    ]
    assert [r[2] for r in rows] == ["Ancestral", "Reverse diffusion", "Reverse diffusion"]


@pytest.mark.parametrize("at", [(1, 1), (299, 1), (150, 199), (299, 199), (1, 100), (180, 100)])
@pytest.mark.parametrize("size", [(80, 40), (200, 100), (295, 150)])
def test_a_read_out_is_whole(at, size):
    room = QRectF(0, 0, 300, 200)
    assert room.contains(beside(QPointF(*at), QSizeF(*size), room, 12))


@pytest.mark.parametrize(
    ("text", "count"),
    [
        ("One is 0.5. Two is e.g. small. Three!", 3),
        ("", 0),
        ("Song et al. find it.", 1),
        ("At t = 0.2 x. −3 is y.", 2),
    ],
)
def test_sentences_are_whole(text, count):
    assert len(sentences(text)) == count and " ".join(sentences(text)) == text


def test_words_of_marks_stand_above_the_curves(qapp, qtbot, monkeypatch):
    said = {}
    plain = Sheet.words
    monkeypatch.setattr(
        Sheet, "words", lambda s, x, y, text, *a, **k: said.update({text: y}) or plain(s, x, y, text, *a, **k)
    )
    x = np.linspace(0, 1, 20)
    plot = Plot("p", "x", "y", (Series("a", x, x),), marks=((0.5, "here"), (0.52, "and here"), (1.0, "end")))
    card = DrawnCard()
    qtbot.addWidget(card)
    card.resize(400, 300)
    card.set_figure(plot)
    card.grab()
    assert all(said[w] < card.area().rect.top() for w in ("here", "and here", "end"))
    assert said["here"] != said["and here"]
