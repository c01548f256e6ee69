"""Choosing the columns of one's own table in the window: the data is what the command line makes of the same choice."""

import json
from dataclasses import replace

import numpy as np
import pytest
import windows
from PySide6.QtCore import Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QMenu
from test_tables import workbook

from explorer.cli import main as command_line
from explorer.data.distributions.points import Points
from explorer.data.imports import DataFileError, look, take
from explorer.data.imports.questions import AS_CLASSES, Asked, choice_like, questions
from explorer.experiment.codec import decode
from explorer.experiment.schema import Experiment
from explorer.ui.cards.data_card import DataCard
from explorer.ui.files import columns_panel
from explorer.ui.files.documents import Documents

pytestmark = pytest.mark.usefixtures("qapp")

RNG = np.random.default_rng(3)
CLOUD = np.round(RNG.normal(size=(60, 3)) * [4.0, 1.0, 2.0] + [10.0, 0.0, -3.0], 4)


def text(header, rows, mark=","):
    lines = [mark.join(map(str, row)) for row in ([header] if header else []) + [list(r) for r in rows]]
    return ("\n".join(lines) + "\n").encode()


def three_columns():
    return text(["mass", "height", "width"], CLOUD)


def without_header():
    return text(None, CLOUD)


def with_classes():
    return text(["a", "b", "kind"], [(x, y, "uv"[i % 2]) for i, (x, y, _) in enumerate(CLOUD)])


def with_sets():
    names = ["dino", "star", "away"]
    return text(["dataset", "x", "y"], [(names[i % 3], x, y) for i, (x, y, _) in enumerate(CLOUD)])


def ambiguous():
    return text(["x", "y"], [(f"{i},{100 + 7 * i}", f"{20 - i},{200 + i * i}") for i in range(1, 12)], ";")


def late_ambiguous():
    """Whole numbers first, and what can be read in two ways only beyond the rows that are looked at first."""
    return text(["x", "y"], [*[(i % 90 + 1, i % 70 + 1) for i in range(25_000)], ("1,234", "3")], ";")


def two_sheets():
    return workbook(
        One=[["x", "y"], *[tuple(map(float, r[:2])) for r in CLOUD]],
        Two=[["u", "v", "w"], *[tuple(map(float, r)) for r in CLOUD[::-1]]],
    )


def two_arrays(path):
    np.savez(path, points=CLOUD[:, :2], others=CLOUD[:40, 1:])


def in_encoding(encoding, *words):
    """Points with classes whose names are in an encoding that a file cannot say."""
    rows = "".join(f"{x:.3f},{y:.3f},{words[i % len(words)]}\n" for i, (x, y, _) in enumerate(CLOUD))
    return f"x,y,kind\n{rows}".encode(encoding)


def greek():
    return in_encoding("cp1253", "άλφα", "βήτα")


def japanese():
    return in_encoding("euc_jp", "犬", "猫")


def polish():
    return in_encoding("cp1250", "żółw", "łoś")


#: What is in a file, its ending, the answers in the panel, and what the command line is told.
KINDS = {
    "as proposed": (three_columns, "csv", [], []),
    "two of three": (three_columns, "csv", [("x", "width"), ("y", "mass")], ["--columns", "width,mass"]),
    "x and y changed over": (three_columns, "csv", [("x", "height")], ["--columns", "height,mass"]),
    "one of three": (three_columns, "csv", [("y", ""), ("x", "width")], ["--columns", "width"]),
    "no header": (without_header, "csv", [("y", "column 3")], ["--columns", "1,3"]),
    "classes": (with_classes, "csv", [], ["--classes", "kind"]),
    "no classes": (with_classes, "csv", [("classes", "")], ["--classes", ""]),
    "one data set": (with_sets, "tsv", [("rows of dataset", ("is", "star"))], ["--rows", "dataset=star"]),
    "data sets as classes": (
        with_sets, "csv", [("rows of dataset", ("is", "star")), ("rows of dataset", AS_CLASSES)],
        ["--classes", "dataset"],
    ),
    "all data sets": (with_sets, "csv", [("rows of dataset", ("every",))], ["--classes", ""]),
    "decimal comma": (ambiguous, "csv", [("decimal", ",")], ["--decimal", ","]),
    "decimal point": (ambiguous, "csv", [("decimal", ".")], ["--decimal", "."]),
    "ambiguous late": (late_ambiguous, "csv", [("decimal", ",")], ["--decimal", ","]),
    "greek": (greek, "csv", [("encoding", "cp1253")], ["--encoding", "windows-1253"]),
    "japanese": (japanese, "csv", [("encoding", "euc_jp")], ["--encoding", "EUC-JP"]),
    "polish": (polish, "csv", [("encoding", "cp1250")], ["--encoding", "cp1250"]),
    "a sheet": (two_sheets, "xlsx", [("part", "Two"), ("x", "w")], ["--sheet", "Two", "--columns", "w,v"]),
    "an array": (two_arrays, "npz", [("part", "others")], ["--sheet", "others"]),
    "rows": (three_columns, "csv", [("rows", "5:40")], ["--rows", "5:40"]),
    "a scale for each": (three_columns, "csv", [("per_axis", True)], ["--scale", "each"]),
    "few, and some held out": (
        three_columns, "csv", [("count", 20), ("held_out", 0.2)], ["--count", "20", "--held-out", "0.2"],
    ),
    "few, and what is usual held out": (three_columns, "csv", [("count", 30)], ["--count", "30"]),
}  # fmt: skip


def write(folder, make, ending):
    path = folder / f"measured.{ending}"
    if ending == "npz":
        make(path)
    else:
        path.write_bytes(make())
    return path


def settle(qtbot, documents):
    def rests():
        panel = documents.tables.panel
        return not documents.busy and not (panel is not None and panel.busy)

    windows.wait(qtbot, rests)


def opened(qtbot, documents, path):
    documents.open_path(path)
    settle(qtbot, documents)
    return documents.tables.panel


def answer(qtbot, documents, answers):
    """Answer questions in the rows of the panel."""
    panel = documents.tables.panel
    for name, value in answers:
        panel.row(name).proposed.emit(value)
        settle(qtbot, documents)
    return panel


def data_of(host):
    return host.session.document.experiment.data


def told(capsys, path, arguments):
    """The data that `new` makes."""
    assert command_line(["new", "--data", str(path), *arguments]) == 0
    made = json.loads(capsys.readouterr().out)
    return decode(Experiment, {"data": made["data"]}, "experiment").data


@pytest.mark.parametrize("kind", KINDS)
def test_the_data_is_what_the_command_line_makes(qtbot, host, documents, tmp_path, capsys, kind):
    make, ending, answers, arguments = KINDS[kind]
    if ending == "xlsx":
        pytest.importorskip("python_calamine")
    path = write(tmp_path, make, ending)
    before = data_of(host)
    panel = opened(qtbot, documents, path)
    assert panel.isVisible() and data_of(host) is before
    answer(qtbot, documents, answers)
    assert panel.import_button.isEnabled() and not panel.state.text()
    panel.import_button.click()
    settle(qtbot, documents)
    assert not panel.isVisible()
    made = data_of(host)
    assert made == told(capsys, path, arguments)
    assert made.note == panel.said.text()


@pytest.mark.parametrize("content", [text(["x", "y"], CLOUD[:, :2]), text(["value"], CLOUD[:, :1])])
def test_a_plain_file_asks_nothing_until_it_is_wanted(qtbot, host, documents, tmp_path, content):
    (tmp_path / "plain.csv").write_bytes(content)
    assert opened(qtbot, documents, tmp_path / "plain.csv") is None
    first = data_of(host)
    assert first.file == "plain.csv"
    documents.tables.ask_again()
    settle(qtbot, documents)
    panel = documents.tables.panel
    assert panel.isVisible()
    answer(qtbot, documents, [("count", 25)]).take()
    assert len(data_of(host).points) == 25 and data_of(host) != first


@pytest.mark.parametrize("kind", ["decimal comma", "ambiguous late"])
def test_two_readings_must_be_told_apart(qtbot, host, documents, tmp_path, kind):
    make, ending, _, _ = KINDS[kind]
    before = data_of(host)
    panel = opened(qtbot, documents, write(tmp_path, make, ending))
    assert panel.row("decimal").chooser.value() is None and not panel.import_button.isEnabled()
    assert panel.state.text() and panel.imported is None
    QTest.keyClick(panel, Qt.Key.Key_Return)
    assert panel.isVisible() and data_of(host) is before
    answer(qtbot, documents, [("decimal", ",")])
    assert panel.import_button.isEnabled() and panel.imported.original(panel.imported.points).max() < 100


def test_what_cannot_be_taken_is_said_in_the_panel(qtbot, host, documents, tmp_path):
    panel = opened(qtbot, documents, write(tmp_path, three_columns, "csv"))
    answer(qtbot, documents, [("rows", "wonder=1")])
    assert "wonder" in panel.state.text() and "\n" not in panel.state.text()
    assert not panel.import_button.isEnabled() and panel.isVisible() and not host.said()
    answer(qtbot, documents, [("count", 50_000)])
    assert "20000" in panel.state.text() and panel.asked.choice.count == 2000
    answer(qtbot, documents, [("rows", "")])
    assert panel.import_button.isEnabled() and not panel.state.text()


@pytest.mark.parametrize("leave", ["Esc", "Cancel"])
def test_nothing_changes_where_it_is_left(qtbot, host, documents, tmp_path, leave):
    before = data_of(host)
    panel = opened(qtbot, documents, write(tmp_path, three_columns, "csv"))
    if leave == "Esc":
        QTest.keyClick(panel, Qt.Key.Key_Escape)
    else:
        panel.cancel_button.click()
    assert not panel.isVisible() and data_of(host) is before and not panel.busy


def test_import_waits_for_the_reading(qtbot, host, documents, tmp_path):
    panel = opened(qtbot, documents, write(tmp_path, three_columns, "csv"))
    panel.row("x").proposed.emit("width")
    assert panel.imported is None
    QTest.keyClick(panel, Qt.Key.Key_Return)
    settle(qtbot, documents)
    assert not panel.isVisible() and data_of(host).columns == ("width", "height")


def test_the_panel_is_left_while_it_reads(qtbot, host, documents, tmp_path, monkeypatch):
    """What was begun ends, and changes nothing."""
    ended = []

    def endless(preview, choice):
        try:
            while True:
                yield 0.5
        finally:
            ended.append(True)

    panel = opened(qtbot, documents, write(tmp_path, three_columns, "csv"))
    monkeypatch.setattr(columns_panel, "taking", endless)
    before = data_of(host)
    panel.row("x").proposed.emit("width")
    windows.wait(qtbot, lambda: "50%" in panel.said.text())
    panel.close()
    windows.wait(qtbot, lambda: bool(ended))
    assert data_of(host) is before


def test_the_headers_say_what_is_taken(qtbot, documents, tmp_path):
    panel = opened(qtbot, documents, write(tmp_path, with_classes, "csv"))
    assert panel.table.header_words() == ["x:  a", "y:  b", "class:  kind"]
    answer(qtbot, documents, [("x", "b"), ("classes", "")])
    assert panel.table.header_words() == ["y:  a", "x:  b", "kind"]
    rows = with_classes().decode().splitlines()[1:]
    model = panel.table.model()
    shown = [",".join(model.data(model.index(i, j)) for j in range(3)) for i in range(model.rowCount())]
    assert shown == rows[: len(shown)] and len(shown) == 20


def test_a_header_offers_what_its_column_can_be(qtbot, documents, tmp_path):
    panel = opened(qtbot, documents, write(tmp_path, three_columns, "csv"))
    panel.table.asked_about.emit(2)
    menu = panel.findChild(QMenu)
    actions = {a.text().replace("&", ""): a for a in menu.actions()}
    assert [name for name, a in actions.items() if a.isEnabled()] == ["Take as x", "Take as y"]
    actions["Take as y"].trigger()
    menu.close()
    settle(qtbot, documents)
    assert panel.asked.columns == ("mass", "width")


def test_another_file_takes_the_place_of_the_one_that_is_asked_about(qtbot, host, documents, tmp_path):
    opened(qtbot, documents, write(tmp_path, two_arrays, "npz"))
    panel = opened(qtbot, documents, write(tmp_path, with_sets, "csv"))
    assert panel.names()[:3] == ["x", "y", "classes"]
    panel.take()
    assert data_of(host).file == "measured.csv"


# --- again ------------------------------------------------------------------------------------------------------


def test_columns_are_chosen_anew_from_what_is_chosen(qtbot, host, documents, tmp_path):
    path = write(tmp_path, two_arrays, "npz")
    opened(qtbot, documents, path)
    answer(qtbot, documents, [("part", "others"), ("per_axis", True), ("count", 30)]).take()
    panel, first = documents.tables.panel, data_of(host)
    host.session.set_data(replace(first, jitter=0.2))
    documents.tables.ask_again()
    settle(qtbot, documents)
    choice = panel.asked.choice
    assert panel.isVisible() and panel.asked.preview.part == "others"
    assert choice.per_axis and choice.count == 30
    panel.take()
    assert data_of(host) == first


@pytest.mark.parametrize("place", ["recent", "beside the experiment"])
def test_the_file_of_an_opened_experiment_is_found(qtbot, host, documents, tmp_path, place):
    path = write(tmp_path, with_classes, "csv")
    panel = opened(qtbot, documents, path)
    answer(qtbot, documents, [("y", ""), ("x", "b")]).take()
    first = data_of(host)
    documents.save_to(tmp_path / "a.json")
    settle(qtbot, documents)
    if place != "recent":
        documents.recent.clear()
    again = Documents(host)
    again.open_path(tmp_path / "a.json")
    settle(qtbot, again)
    again.tables.ask_again()
    settle(qtbot, again)
    panel = again.tables.panel
    panel.take()
    assert data_of(host) == first
    again.shut_down()


def test_a_file_that_is_gone_is_said(qtbot, host, documents, tmp_path):
    path = write(tmp_path, three_columns, "csv")
    opened(qtbot, documents, path).take()
    path.unlink()
    documents.tables.ask_again()
    settle(qtbot, documents)
    assert not documents.tables.panel.isVisible()
    assert "measured.csv" in host.said()[-1] and host.kinds()[-1] == "warn"


@pytest.mark.parametrize(
    "data, has", [({"file": "a.csv"}, True), ({"file": "a.png"}, False), ({"file": ""}, False)]
)
def test_the_data_card_offers_columns_where_there_is_a_file(qtbot, data, has):
    card = DataCard(Points(points=[[0, 1], [1, 0]], **data))
    assert card.columns.isHidden() != has
    windows.dispose(card)


def test_the_button_opens_the_panel_in_the_window(qtbot, tmp_path):
    with windows.windowed(qtbot, tmp_path) as window:
        opened(qtbot, window.documents, write(tmp_path, three_columns, "csv")).take()
        window.data.columns.click()
        settle(qtbot, window.documents)
        panel = window.documents.tables.panel
        assert panel.isVisible() and not panel.isModal() and panel.asked.columns == ("mass", "height")


@pytest.mark.parametrize(
    ("make", "encoding", "classes"),
    [
        (greek, "cp1253", {"άλφα", "βήτα"}),
        (japanese, "euc_jp", {"犬", "猫"}),
        (polish, "cp1250", {"żółw", "łoś"}),
    ],
)
def test_the_chosen_encoding_gives_the_words_and_is_remembered(
    qtbot, host, documents, tmp_path, make, encoding, classes
):
    opened(qtbot, documents, write(tmp_path, make, "csv"))
    panel = answer(qtbot, documents, [("encoding", encoding)])
    panel.import_button.click()
    settle(qtbot, documents)
    assert set(data_of(host).labels) == classes
    documents.tables.ask_again()
    settle(qtbot, documents)
    assert documents.tables.panel.asked.preview.encoding == encoding


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
def test_what_says_its_encoding_is_not_asked_for_it(tmp_path, encoding):
    path = tmp_path / "a.csv"
    path.write_bytes(in_encoding(encoding, "żółw", "łoś"))
    assert "encoding" not in {q.param.name for q in questions(Asked.of(look(path)))}


@pytest.mark.parametrize(
    "encoding", ["nonsense", "rot13", "base64", "idna\0", "idna", "punycode", "utf-16", "utf-32"]
)
def test_an_encoding_that_is_none_is_a_sentence(tmp_path, encoding):
    with pytest.raises(DataFileError, match="encoding"):
        look(write(tmp_path, greek, "csv"), encoding=encoding)


@pytest.mark.parametrize("encoding", ["ascii", "utf-8", "shift_jis", "cp1257"])
def test_a_chosen_encoding_in_which_bytes_mean_nothing_is_said(tmp_path, encoding):
    path = write(tmp_path, greek, "csv")
    with path.open("ab") as file:
        file.write(b"1,2,\xa1\xa5\xff\xfc\n")
    assert "are no letters" in take(look(path, encoding=encoding)).sentence
    assert "are no letters" not in take(look(path, encoding="latin-1")).sentence


def test_only_text_has_an_encoding(tmp_path):
    with pytest.raises(DataFileError, match="encoding"):
        look(write(tmp_path, two_arrays, "npz"), encoding="cp1253")


# --- the questions, without a window ----------------------------------------------------------------------------


@pytest.mark.parametrize("kind", KINDS)
def test_every_answer_to_every_question_stands_when_it_is_given(tmp_path, kind):
    """Whatever is answered, the question then has this answer, and the panel can show it."""
    make, ending, _, _ = KINDS[kind]
    if ending == "xlsx":
        pytest.importorskip("python_calamine")
    asked = Asked.of(look(write(tmp_path, make, ending)))
    for question in questions(asked):
        if question.looks:
            for value, _ in question.param.choices:
                found = questions(Asked.of(look(write(tmp_path, make, ending), **{question.looks: value})))
                assert [q.answer for q in found if q.param.name == question.param.name] == [value]
            continue
        for value in (
            dict(question.param.choices)
            or {"rows": ["1:5"], "count": [50], "held_out": [0.3]}[question.param.name]
        ):
            after = replace(asked, choice=question.put(value))
            stands = [q.answer for q in questions(after) if q.param.name == question.param.name]
            assert stands == [value]


@pytest.mark.parametrize("labels, classes", [((), ""), (("u", "v"), "kind")])
def test_a_choice_is_told_from_data(tmp_path, labels, classes):
    preview = look(write(tmp_path, with_classes, "csv"))
    data = Points(
        points=[[0, 1], [1, 0]],
        labels=labels,
        file="measured.csv",
        columns=("b", "a"),
        shift=(0, 0),
        scale=(1, 2),
    )
    choice = choice_like(preview, data)
    assert (choice.columns, choice.classes, choice.per_axis) == (("b", "a"), classes, True)


@pytest.mark.parametrize("first", ["as proposed", "one data set", "a sheet", "decimal comma"])
@pytest.mark.parametrize("second", ["decimal comma", "ambiguous late", "classes"])
def test_a_panel_that_is_open_asks_about_the_next_file(qtbot, host, documents, tmp_path, first, second):
    for number, kind in enumerate((first, second)):
        make, ending, _, _ = KINDS[kind]
        folder = tmp_path / str(number)
        folder.mkdir()
        panel = opened(qtbot, documents, write(folder, make, ending))
    missing = panel.asked.unanswered
    assert (missing is not None) == (make in (ambiguous, late_ambiguous))
    assert missing is None or not panel.import_button.isEnabled()


def columns_changed_over():
    return text(["width", "height", "mass"], CLOUD[:, ::-1])


#: What a file becomes while the panel is open.
LATER = {
    "is gone": None,
    "is empty": b"",
    "is cut": three_columns()[:200],
    "has its columns changed over": columns_changed_over(),
    "is of another kind": bytes(range(256)) * 20,
}


@pytest.mark.parametrize("later", LATER)
def test_a_file_that_is_another_by_now_is_not_read(qtbot, host, documents, tmp_path, later):
    path = write(tmp_path, three_columns, "csv")
    panel = opened(qtbot, documents, path)
    before = host.session.document.experiment
    path.unlink() if LATER[later] is None else path.write_bytes(LATER[later])
    panel.answer("per_axis", True)
    settle(qtbot, documents)
    assert panel.isVisible() and "measured.csv" in panel.state.text() and not panel.import_button.isEnabled()
    path.write_bytes(three_columns() + b"5,6,7\n")  # the old one, with one row more
    panel.answer("per_axis", False)
    settle(qtbot, documents)
    assert panel.imported.rows == len(CLOUD) + 1 and not panel.state.text()
    assert host.session.document.experiment == before


@pytest.mark.parametrize(
    "name", ["x;y", "a,b", "c=d", 'q"q', "<b>x</b>", "&amp;", "%s{0}", "\n", "1:2", "last", " ", "=1+1"]
)
def test_columns_of_any_name_can_be_chosen(qtbot, host, documents, tmp_path, capsys, name):
    quoted = '"' + name.replace('"', '""') + '"'
    path = tmp_path / "measured.csv"
    path.write_bytes(text(["a", "b", quoted], CLOUD))
    panel = opened(qtbot, documents, path)
    own = panel.asked.preview.columns[2].name
    answer(qtbot, documents, [("x", own)])
    QTest.keyClick(panel, Qt.Key.Key_Return)
    settle(qtbot, documents)
    data = host.session.document.experiment.data
    assert data.columns == (own, "b") and "\n" not in own
    assert np.allclose(np.array(data.points) * data.scale + data.shift, CLOUD[:, [2, 1]])
    for column in ("3", '"' + own.replace('"', '""') + '"'):
        assert command_line(["new", "--data", str(path), "--columns", f"{column},b"]) == 0
        assert tuple(json.loads(capsys.readouterr().out)["data"]["columns"]) == (own, "b")
