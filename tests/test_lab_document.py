"""The laboratory that is open is a part of the document: undo, files, recovery and scenes have it."""

import json
import weakref
from dataclasses import replace

import pytest
import windows

from explorer.cli import main as command_line
from explorer.experiment.schema import ExperimentError
from explorer.labs import LABS
from explorer.session import document as files
from explorer.session.document import Document
from explorer.session.scenes import SCENES, scene

SNR = LABS["snr"]


@pytest.fixture
def window(qapp, qtbot, tmp_path):
    with windows.windowed(qtbot, tmp_path, started=False) as made:
        yield weakref.proxy(made)


def opened(window):
    """The laboratory as the document, the runner, the page and the form have it: all the same."""
    lab = window.session.document.lab
    assert window.session.lab.lab == lab
    assert (window.pages.currentWidget() is window.labs.page) == (lab is not None)
    assert lab is None or window.labs.column.form().owner() == lab
    return lab


def test_a_file_holds_the_laboratory_that_is_open(tmp_path):
    document = Document(lab=SNR(snr=0.9))
    files.write(tmp_path / "e.json", document)
    assert files.read(tmp_path / "e.json") == (document, "")
    assert files.loads('{"lab": "snr"}')[0].lab == SNR()
    for wrong, words in (
        ('{"lab": "snrr"}', "lab.type"),
        ('{"lab": {"type": "snr", "snr": "x"}}', "lab.snr"),
    ):
        with pytest.raises(ExperimentError, match=words):
            files.loads(wrong)


def test_undo_and_redo_of_a_laboratorys_settings_leave_the_rest_alone(window):
    window.commands.new_seed()
    window.labs.open("snr", snr=0.4)
    window.labs.column.form().row("snr").entry.typed.emit("0.9")
    window.labs.column.form().row("snr").entry.typed.emit("0.7")
    assert opened(window).snr == 0.7
    for expected in (0.9, 0.4):
        window.commands.undo()
        window.labs.refresh()  # as each tick does
        assert opened(window).snr == expected and window.session.document.experiment.seed == 1
    window.commands.redo()
    window.labs.refresh()
    assert opened(window).snr == 0.9
    for _ in range(2):
        window.commands.undo()
    window.labs.refresh()
    assert opened(window) is None and window.session.document.experiment.seed == 1
    window.commands.undo()
    assert window.session.document.experiment.seed == 0


def test_closing_is_undone_and_what_was_set_is_there_again(window):
    window.labs.open("snr", snr=0.9)
    window.labs.close()
    assert opened(window) is None
    window.commands.undo()
    window.labs.refresh()
    assert opened(window).snr == 0.9
    window.labs.open_gallery()
    assert opened(window) is None and window.on_page
    window.labs.open("snr")
    assert opened(window).snr == 0.9


def test_files_bring_it_and_only_what_is_set_counts_as_unsaved(window, qtbot, tmp_path):
    assert not window.documents.dirty
    window.labs.open("snr")
    assert not window.documents.dirty
    window.labs.open("snr", snr=0.9)
    assert window.documents.dirty
    window.documents.save_to(tmp_path / "e.json")
    windows.wait(qtbot, lambda: not window.documents.busy and not window.documents.dirty)
    window.documents.new()
    window.labs.refresh()
    assert opened(window) is None
    window.documents.open_path(tmp_path / "e.json")
    windows.wait(qtbot, lambda: window.session.document.lab is not None)
    window.labs.refresh()
    assert opened(window) == SNR(snr=0.9)


def test_a_scene_is_one_step_of_undo(window):
    before = window.session.document
    window.labs.play_scene("over_guidance")
    assert opened(window).weight == 6.0 and "Over-guidance" in window.labs.page.note.text()
    window.commands.undo()
    window.labs.refresh()
    assert window.session.document == before and opened(window) is None


def test_swapping_the_stages_leaves_the_laboratory(window):
    window.commands.compare()
    window.labs.open("snr", snr=0.9)
    window.commands.swap()
    assert opened(window).snr == 0.9


def test_headless_a_scene_has_its_laboratory_and_lab_takes_it_from_the_file(tmp_path, capsys):
    path = tmp_path / "e.json"
    assert command_line(["new", "--scene", "over_guidance", "--out", str(path)]) == 0
    assert files.read(path)[0].lab == scene("over_guidance").make_lab()
    files.write(path, replace(Document(), lab=LABS["schedules"](points=77)))
    capsys.readouterr()
    assert command_line(["lab", "schedules", str(path)]) == 0
    assert json.loads(capsys.readouterr().out)["settings"]["points"] == 77


def test_each_scene_can_be_a_file():
    for each in SCENES:
        document = replace(each.document, lab=each.make_lab()).linked()
        assert files.loads(files.dumps(document))[0] == document
