"""The gallery of laboratories: searched, walked through by keyboard, greyed with a reason, with thumbnails."""

import pytest
from PySide6.QtCore import QEvent, Qt
from PySide6.QtGui import QImage, QKeyEvent
from PySide6.QtTest import QTest

from explorer.figures.theme import THEMES
from explorer.labs import LABS
from explorer.session.scenes import SCENES
from explorer.ui.figures.thumbnails import SIZE, folder
from explorer.ui.labs.gallery import LabGallery, plain, sections
from explorer.ui.widgets import style

EVERY = [entry for entries in sections().values() for entry in entries]


@pytest.fixture
def gallery(qapp, qtbot):
    style.apply(qapp, style.current())
    made = LabGallery(sections())
    qtbot.addWidget(made)
    made.resize(960, 600)
    made.show()
    made.offer(lambda entry: "Needs images" if entry.name == "nearest" else "")
    qtbot.wait(1)
    return made


def names(gallery):
    return {tile.entry.name for tile in gallery.tiles if tile.isVisibleTo(gallery)}


@pytest.mark.parametrize(
    ("search", "name"),
    [
        ("bits", "picture_bits"), ("BITS PER", "picture_bits"), ("fokker planck", "fokker_planck"),
        ("Fokker–Planck", "fokker_planck"), ("Rößler", "convergence"), ("rossler", "convergence"),
        ("tau", "temperature"),
        ("images", "film"), ("points", "guidance"), ("langevin dynamics", "snr"), ("Kloeden", "convergence"),
        ("log p", "likelihood"), ("table 1", "table1"), ("NFE", "table1"),
        ("training_microscope", "training_microscope"),
    ],
)  # fmt: skip
def test_a_search_finds_titles_words_tags_sources_and_equations(search, name):
    assert name in {entry.name for entry in EVERY if entry.matches(search)}


@pytest.mark.parametrize("entry", EVERY, ids=lambda e: f"{e.kind}-{e.name}")
def test_everything_is_found_by_its_title_and_by_its_beginnings(entry):
    for search in (entry.title, entry.title.upper(), plain(entry.title).split()[0][:4], f" {entry.title} "):
        assert entry.matches(search)
    assert entry.matches("") and not entry.matches(entry.title + " zzqx")


def test_what_does_not_match_is_hidden_with_its_heading(gallery, qtbot):
    assert names(gallery) == {entry.name for entry in EVERY}
    gallery.search.setText("fokker")
    assert "fokker_planck" in names(gallery) and "guidance" not in names(gallery)
    for heading, tiles in gallery._groups:
        assert heading.isVisible() == any(tile.entry.matches("fokker") for tile in tiles)
    gallery.search.setText("zzqx")
    assert not names(gallery) and "zzqx" in gallery._nothing.text() and gallery._nothing.isVisible()
    gallery.search.clear()
    assert names(gallery) == {entry.name for entry in EVERY}


@pytest.mark.parametrize("size", [(640, 500), (960, 600), (1900, 1200), (330, 400)])
def test_cards_are_of_one_width_and_never_meet(gallery, qtbot, size):
    gallery.resize(*size)
    qtbot.wait(1)
    boxes = [tile.geometry() for tile in gallery.tiles]
    assert len({box.width() for box in boxes}) == 1
    assert not any(a.intersects(b) for i, a in enumerate(boxes) for b in boxes[:i])
    assert max(box.right() for box in boxes) <= gallery.area.viewport().width()
    for tile in gallery.tiles:
        for words in (tile._title, tile._about):
            assert (
                words.height() >= words.heightForWidth(words.width())
                and words.geometry().bottom() < tile.height()
            )
            assert words.y() >= tile.image_box().bottom()


def test_it_opens_at_the_top_with_an_empty_search(gallery, qtbot):
    gallery.area.verticalScrollBar().setValue(10_000)
    gallery.search.setText("langevin")
    gallery.offer(lambda entry: "")
    assert gallery.area.verticalScrollBar().value() == 0 and gallery.search.text() == ""


def test_the_greyed_say_why_and_are_still_found(gallery):
    (tile,) = (t for t in gallery.tiles if t.entry.name == "nearest")
    assert tile.isVisible() and tile._needs.text() == "Needs images" and tile._needs.isVisible()
    assert "Needs images" in tile.accessibleName() and not tile._title.isEnabled()
    gallery.search.setText("nearest")
    assert tile in gallery.found() and tile.isVisible()


def test_arrows_walk_enter_opens_and_letters_search(gallery, qtbot):
    chosen = []
    gallery.chosen.connect(lambda kind, name: chosen.append((kind, name)))
    QTest.keyClick(gallery.search, Qt.Key.Key_Down)
    first, second = gallery.tiles[:2]
    assert gallery.window().focusWidget() is first
    QTest.keyClick(first, Qt.Key.Key_Right)
    assert gallery.window().focusWidget() is second
    QTest.keyClick(second, Qt.Key.Key_Down)
    below = gallery.window().focusWidget()
    assert below.x() == second.x() and below.y() > second.y()
    QTest.keyClick(below, Qt.Key.Key_Up)
    assert gallery.window().focusWidget() is second
    QTest.keyClick(second, Qt.Key.Key_Return)
    assert chosen == [("lab", second.entry.name)]
    override = QKeyEvent(QEvent.Type.ShortcutOverride, Qt.Key.Key_B, Qt.KeyboardModifier.NoModifier, "b")
    override.ignore()
    second.event(override)
    assert override.isAccepted()  # or B would compare the stages
    QTest.keyClick(second, Qt.Key.Key_B)
    assert gallery.search.text() == "b" and gallery.window().focusWidget() is gallery.search
    QTest.keyClicks(gallery.search, "its per")
    QTest.keyClick(gallery.search, Qt.Key.Key_Return)
    assert chosen[-1] == ("lab", "picture_bits")


@pytest.mark.parametrize("theme", THEMES)
def test_everything_has_a_thumbnail_and_all_are_small(theme):
    names = {f"{e.kind}-{e.name}" for e in EVERY}
    assert {path.stem for path in folder(theme).glob("*.png")} == names
    for name in names:
        image = QImage(str(folder(theme) / f"{name}.png"))
        assert image.size() == SIZE
        assert (
            len({image.pixel(x, y) for x in range(0, SIZE.width(), 4) for y in range(0, SIZE.height(), 4)})
            > 3
        ), name
    assert sum(path.stat().st_size for t in THEMES for path in folder(t).glob("*.png")) < 1_000_000


def test_all_laboratories_and_scenes_are_there():
    assert {(e.kind, e.name) for e in EVERY} == {("lab", n) for n in LABS} | {
        ("scene", s.name) for s in SCENES
    }
