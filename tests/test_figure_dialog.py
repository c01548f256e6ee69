"""Figures for a paper or a slide, in the window: seen as they will be, then saved so."""

from dataclasses import replace
from xml.etree import ElementTree

import pytest
import windows
from PIL import Image
from test_figure_files import FIGURES, SOURCE
from test_lab_window import bench, fresh, opened, shared, window  # noqa: F401

from explorer.figures.papers import Choice
from explorer.figures.theme import LIGHT
from explorer.ui.dialogs.figure_dialog import ALL, FigureDialog
from explorer.ui.figures.render import write_picture


def shown(qtbot, dialog):
    """Wait for the preview of what is set."""
    windows.wait(qtbot, lambda: dialog.is_current() and bool(dialog.facts.text() or dialog.state.text()))
    return dialog.preview.pixmap()


@pytest.fixture
def dialog(qapp, qtbot, tmp_path):
    saved = []
    with windows.hosted(tmp_path) as host:
        made = FigureDialog(host, list(FIGURES.values()), SOURCE, saved.append, chosen=FIGURES["picture"])
        made.saved = saved
        made.show()
        yield made
        made.close()


def test_the_preview_has_the_shape_of_the_file(qtbot, dialog, tmp_path):
    for choice in (Choice(), Choice(width="page", plot_only=True), Choice(width="own", own=60.0, font=6.0)):
        dialog._edit(choice)
        picture = shown(qtbot, dialog)
        wanted = dialog.wanted
        assert wanted.figures == (FIGURES["picture"],)
        write_picture(tmp_path / "a.png", wanted.figures, SOURCE, LIGHT, wanted.paper)
        with Image.open(tmp_path / "a.png") as image:
            assert picture.width() / picture.height() == pytest.approx(image.width / image.height, rel=0.02)
        assert f"{choice.font:g} pt" in dialog.facts.text()


def test_a_slide_takes_larger_words_and_says_what_has_no_room(qtbot, dialog):
    dialog._edit(replace(dialog.choice, width="slide"))
    assert dialog.choice.font == 18
    shown(qtbot, dialog)
    dialog.which.setCurrentIndex(dialog.which.findText(ALL))
    windows.wait(qtbot, lambda: dialog.is_current() and "slide" in dialog.state.text())
    assert not dialog.save_button.isEnabled() and dialog.wanted.figures == tuple(FIGURES.values())
    dialog._edit(replace(dialog.choice, width="page"))
    windows.wait(qtbot, lambda: dialog.is_current() and dialog.save_button.isEnabled())


def test_what_is_wanted_is_handed_on(qtbot, dialog):
    shown(qtbot, dialog)
    dialog.kind.set_value(".svg")
    dialog._edit(replace(dialog.choice, clear=True, font=7.0))
    dialog.save_button.click()
    (wanted,) = dialog.saved
    assert (wanted.ending, wanted.paper.font, wanted.paper.clear, wanted.theme) == (
        ".svg",
        7.0,
        True,
        "light",
    )


def test_from_the_menu_to_the_file(qtbot, window, tmp_path):  # noqa: F811
    found = opened(qtbot, window)
    window.labs._do(found["Plot"].figure, "paper")
    dialog = window.labs.dialog
    shown(qtbot, dialog)
    dialog.kind.set_value(".svg")
    dialog._edit(Choice(width="own", own=77.0, plot_only=True))
    dialog.save_button.click()
    asking = window.documents.asking
    asking.dialog.fileSelected.emit(str(tmp_path / "a.svg"))
    windows.wait(qtbot, lambda: not window.documents.busy and (tmp_path / "a.svg").exists())
    assert ElementTree.parse(tmp_path / "a.svg").getroot().get("width") == "77mm"
    asking.close()
    dialog.close()
    assert window.labs.dialog is None
    window.labs.ask_to_save("paper")  # as it was set last
    assert window.labs.dialog.choice.own == 77.0
    window.labs.shut_down()
    assert window.labs.dialog is None
