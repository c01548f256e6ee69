"""Control of pictures in the window: classes by buttons, a mask painted with mouse and keys, own pictures."""

import json
import weakref
from dataclasses import replace

import numpy as np
import pytest
import windows
from PIL import Image
from PySide6.QtCore import Qt
from PySide6.QtTest import QTest

from explorer.cli import main as command_line
from explorer.data.images import IMAGES, from_pixels
from explorer.data.imports import DataFileError
from explorer.experiment.defaults import with_data
from explorer.experiment.schema import Experiment
from explorer.guidance import masks
from explorer.guidance.own_image import own_levels
from explorer.ui.cards.class_buttons import ClassButtons
from explorer.ui.cards.mask_editor import PRESET_WORDS, MaskPad, stroke


@pytest.fixture(scope="module")
def mnist():
    return IMAGES["mnist"]()


@pytest.fixture
def window(qapp, qtbot, tmp_path, mnist):
    with windows.windowed(qtbot, tmp_path) as made:
        e = with_data(made.session.document.experiment, mnist)
        e = replace(
            e, score=replace(e.score, source="exact"), sampler=replace(e.sampler, steps=4, particles=4)
        )
        made.session.edit(replace(made.session.document, experiment=e))
        made.refresh()
        yield weakref.proxy(made)


def e(window):
    return window.session.document.experiment


def complete(window):
    run = window.session.tracks["A"].full
    return run is not None and run.experiment == e(window) and run.recording.complete


# --- parts ------------------------------------------------------------------------------------------------


def test_a_stroke_is_a_line_of_a_round_brush():
    nothing = np.zeros((20, 20), bool)
    dot = stroke(nothing, (10.5, 10.5), (10.5, 10.5), 1, True)
    assert dot.sum() == 1 and dot[10, 10]
    line = stroke(nothing, (5.5, 2.5), (5.5, 12.5), 3, True)
    assert line[4:7, 2:13].all() and not line[:4].any() and not line[7:].any()
    assert (stroke(line, (5.5, 2.5), (5.5, 12.5), 3, False) == nothing).all()


def test_the_pad_is_painted_with_both_buttons_and_with_keys(qtbot):
    pad, told, ended = MaskPad(), [], []
    qtbot.addWidget(pad)
    pad.painted.connect(told.append)
    pad.finished.connect(lambda: ended.append(len(told)))
    pad.show_picture(np.full((1, 28, 28), 90, np.uint8), np.zeros((28, 28), bool))
    pad.resize(pad.sizeHint())
    pad.show()
    cell = pad.width() // 28
    windows.drag(pad, (2 * cell, 2 * cell), (20 * cell, 2 * cell))
    assert told[-1][1:3, 3:19].all() and not told[-1][10:].any() and ended == [len(told)]
    windows.drag(pad, (2 * cell, 2 * cell), (20 * cell, 2 * cell), button=Qt.MouseButton.RightButton)
    assert not told[-1].any()
    pad._at = None
    QTest.keyClick(pad, Qt.Key.Key_Right)
    QTest.keyClick(pad, Qt.Key.Key_Space)
    assert told[-1][14, 15] and told[-1].sum() == 9
    QTest.keyClick(pad, Qt.Key.Key_Backspace)
    assert not told[-1].any()


def test_a_pad_without_a_mask_is_not_painted_on(qtbot):
    pad, told = MaskPad(), []
    qtbot.addWidget(pad)
    pad.painted.connect(told.append)
    pad.show_picture(np.zeros((3, 32, 32), np.uint8), None)
    pad.show()
    windows.drag(pad, (5, 5), (50, 50))
    QTest.keyClick(pad, Qt.Key.Key_Space)
    assert not told


def test_classes_are_buttons_in_rows(qtbot):
    digits, words = (
        ClassButtons(dict(enumerate("0123456789"))),
        ClassButtons(dict(enumerate(IMAGES["twemoji"].label_names))),
    )
    for made in (digits, words):
        qtbot.addWidget(made)
        told = []
        made.changed.connect(told.append)
        made.set_value(2)
        assert made.value() == 2 and not told
        last = made._rows[-1].buttons()[-1]
        last.click()
        assert told == [made.value()] and made.value() > 2
        made.set_value(99)
        assert made.value() is None
    assert len(words._rows) > 1


# --- in the window ----------------------------------------------------------------------------------------


def test_the_card_offers_what_suits_the_data(qtbot, window):
    card = window.control
    names = [value for value, _, _ in card.choice._entries]
    assert names == ["none", "class_guidance", "inpaint_picture", "colourise", "super_resolve"]
    card.choose("class_guidance")
    assert e(window).control.rule == "classifier_free"  # the exact one only remembers
    assert not card.classes.isHidden() and card.form.row("share").isHidden()
    card.classes.changed.emit(3)
    assert e(window).control.label == 3
    window.edit("data", Experiment().data)
    assert "inpaint" in [value for value, _, _ in card.choice._entries]
    assert card.picture.isHidden()


def test_painting_changes_the_mask_in_one_step_of_undo_and_keeps_what_is_known(qtbot, window, mnist):
    card = window.control
    card.choose("inpaint_picture")
    card.picture.presets.changed.emit("none")
    before = window.session.document
    pad = card.picture.pad
    windows.wait(qtbot, lambda: pad.size() == pad.sizeHint())
    windows.drag(pad, (60, 40), (90, 90), (120, 150))
    out = masks.hidden(e(window).control.mask, 28, 28)
    assert 10 < out.sum() < 200 and (pad._out == out).all()
    windows.wait(qtbot, lambda: complete(window))
    x = window.session.tracks["A"].full.recording[-1].x.reshape(4, 28, 28)
    given = from_pixels(mnist.held_out.images[:1])[0].reshape(28, 28)
    assert (x[:, ~out] == given[~out]).all() and (x[:, out] != given[out]).any()
    window.commands.undo()
    assert window.session.document == before


def test_presets_next_picture_and_ones_own(qtbot, window, mnist, tmp_path):
    card = window.control
    card.choose("inpaint_picture")
    editor = card.picture
    for button, name in zip(editor.presets.buttons(), PRESET_WORDS, strict=True):
        button.click()
        assert e(window).control.mask == name and editor.presets.value() == name
    editor.next.click()
    assert e(window).control.picture == 1
    path = tmp_path / "mine.png"
    Image.fromarray(np.full((50, 70), 200, np.uint8)).save(path)
    window._open_own_picture()
    window.documents.asking.dialog.fileSelected.emit(str(path))
    windows.wait(qtbot, lambda: bool(e(window).control.own))
    assert len(e(window).control.own) == 784 and any("mine.png" in n.text for n in window.notices.notices())
    editor.next.click()
    assert e(window).control.own == () and e(window).control.picture == 1
    path.write_bytes(b"\x89PNG\r\n\x1a\nbroken")
    window._open_own_picture()
    window.documents.asking.dialog.fileSelected.emit(str(path))
    windows.wait(qtbot, lambda: any("damaged" in n.text for n in window.notices.notices()))
    assert e(window).control.own == ()


def test_what_is_known_is_shown(qtbot, window):
    card = window.control
    card.choose("super_resolve")
    blocks = card.picture.pad._levels[0].reshape(7, 4, 7, 4)
    assert (blocks == blocks[:, :1, :, :1]).all() and card.picture._painting.isHidden()
    card.choose("colourise")
    assert card.picture.isHidden()
    windows.wait(qtbot, lambda: "grey" in card.word.text())


# --- files and shell --------------------------------------------------------------------------------------


def test_an_own_picture_is_turned_to_the_sets_kind(mnist, tmp_path):
    dark = np.zeros((56, 56), np.uint8)
    dark[20:36, 20:36] = 255
    for name, picture in (("dark.png", dark), ("light.png", 255 - dark)):
        Image.fromarray(picture).save(tmp_path / name)
    (a, said_a), (b, said_b) = (own_levels(tmp_path / n, mnist) for n in ("dark.png", "light.png"))
    assert a == b and a[0] == 0 and a[14 * 28 + 14] == 255
    assert "exchanged" in said_b and "exchanged" not in said_a


@pytest.mark.parametrize("content", [b"", b"\x89PNG\r\n\x1a\n" + b"x" * 99, b"{}", b"GIF89a\xff\xff\xff\xff"])
def test_files_that_are_no_pictures_are_refused_with_a_sentence(mnist, tmp_path, content):
    path = tmp_path / "bad.png"
    path.write_bytes(content)
    with pytest.raises(DataFileError, match=r"bad\.png"):
        own_levels(path, mnist)


def shell(capsys, *arguments):
    code = command_line(
        ["inpaint", "--exact", "--steps", "3", "--n", "2", "--method", "replacement", *arguments]
    )
    return code, capsys.readouterr()


def test_from_the_shell(tmp_path, capsys, mnist):
    out, mask, saved = (tmp_path / n for n in ("sheet.png", "mask.png", "e.json"))
    painted = np.zeros((28, 28), np.uint8)
    painted[:14] = 255
    Image.fromarray(painted).save(mask)
    code, said = shell(capsys, "--picture", "7", "--mask", str(mask), "--out", str(out), "--save", str(saved))
    told = json.loads(said.out)
    assert code == 0 and told["pictures"] == 2 and told["known"] == 392 and told["nfe"] == 3
    sheet = np.asarray(Image.open(out))
    assert sheet.shape == (4 + 2 * 116, 4 + 2 * 116, 3)
    first = sheet[4:116:4, 4:116:4, 0]
    assert (first == mnist.held_out.images[7, 0]).all()
    filled = sheet[120:232:4, 4:116:4, 0]
    assert (filled[14:] == first[14:]).all()
    assert json.loads(saved.read_text())["control"]["type"] == "inpaint_picture"
    own = ("--image", str(mask), "--problem", "super_resolve", "--factor", "2", "--out", str(out))
    assert shell(capsys, *own)[0] == 0


@pytest.mark.parametrize(
    "arguments, words",
    [
        (["--data", "swiss_roll"], "there are no pictures"),
        (["--mask", "nowhere"], "no file or preset"),
        (["--n", "1000"], "between 1 and 100"),
        (["--picture", "999999"], "--picture 999999: the held-out pictures are 0 to"),
        (["--picture", "99999999"], "--picture 99999999: the held-out pictures are 0 to"),
        (["--steps", "0"], "--steps must be between"),
        (["--problem", "colourise"], "grey"),
        (["--image", "nowhere.png"], "nowhere.png"),
        (["--picture", "1", "--image", "x.png"], "not allowed"),
    ],
)
def test_wrong_use_is_one_sentence(tmp_path, capsys, arguments, words):
    code, said = shell(capsys, *arguments, "--out", str(tmp_path / "s.png"))
    assert code in (1, 2) and words in said.err and said.err.count("\n") == 1
    code, said = shell(capsys, "--out", str(tmp_path / "s.jpg"))
    assert code == 2 and "must end in .png" in said.err
