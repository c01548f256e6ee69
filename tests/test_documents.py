"""Files of every kind: opened, saved, refused, dropped, kept for after a crash."""

import errno
import json
import os
import signal
import subprocess
import sys
import threading
from dataclasses import replace

import numpy as np
import pytest
import windows
from PIL import Image
from PySide6.QtCore import QMimeData, QPointF, Qt, QUrl
from PySide6.QtGui import QDragEnterEvent, QDropEvent
from PySide6.QtWidgets import QApplication, QMenu

from explorer.data.images import folder as folders
from explorer.data.images.folder import Folder, read
from explorer.experiment import resolution as models
from explorer.experiment.schema import Experiment
from explorer.networks import files as model_files
from explorer.session import document as files
from explorer.session.document import Document
from explorer.ui.files import autosave
from explorer.ui.files import file_kinds as kinds
from explorer.ui.files.documents import Documents
from explorer.ui.files.recovery import Recovery

pytestmark = pytest.mark.usefixtures("qapp")


def experiment(**sampler):
    e = Experiment()
    return replace(e, sampler=replace(e.sampler, **sampler))


def settle(qtbot, documents):
    windows.wait(qtbot, lambda: not documents.busy)


def edit(host, **sampler):
    host.session.edit(replace(host.session.document, experiment=experiment(**sampler)))


def opened(qtbot, documents, path):
    documents.open_path(path)
    settle(qtbot, documents)


def saved(qtbot, documents, path):
    documents.save_to(path)
    settle(qtbot, documents)


# --- experiments -----------------------------------------------------------------------------------------


def test_a_saved_experiment_is_opened_again(qtbot, host, documents, tmp_path):
    edit(host, steps=37)
    assert documents.dirty
    saved(qtbot, documents, tmp_path / "a.json")
    assert not documents.dirty
    assert host.windowTitle() == "a.json[*] — Score Explorer"
    before = host.session.document
    documents.new()
    assert host.session.document == Document()
    assert documents.file.path is None
    opened(qtbot, documents, tmp_path / "a.json")
    assert host.session.document == before
    assert documents.recent.paths() == [tmp_path / "a.json"]


def test_an_edit_marks_the_window(host, documents):
    edit(host, steps=12)
    documents.changed()
    assert host.isWindowModified()
    host.session.undo()
    documents.changed()
    assert not host.isWindowModified()


def test_undoing_an_opening_goes_back_to_the_file_before(qtbot, host, documents, tmp_path):
    edit(host, steps=11)
    saved(qtbot, documents, tmp_path / "first.json")
    files.write(tmp_path / "second.json", Document(experiment(steps=22)))
    opened(qtbot, documents, tmp_path / "second.json")
    edit(host, steps=23)
    assert documents.file.name == "second.json"
    assert documents.dirty
    host.session.undo()
    host.session.undo()
    assert documents.file.name == "first.json"
    assert not documents.dirty
    host.session.redo()
    assert documents.file.name == "second.json"
    host.session.undo()
    edit(host, steps=13)  # another branch: the opening is gone
    assert documents.file.name == "first.json"


def test_saving_holds_for_what_comes_before_and_after(qtbot, host, documents, tmp_path):
    edit(host, steps=11)
    saved(qtbot, documents, tmp_path / "a.json")
    host.session.undo()
    assert documents.file.name == "a.json"
    assert documents.dirty


def test_a_newer_version_is_read_only(qtbot, host, documents, tmp_path):
    value = json.loads(files.dumps(Document(experiment(steps=44))))
    path = tmp_path / "newer.json"
    path.write_text(json.dumps(value | {"version": 99, "wonder": 1}))
    opened(qtbot, documents, path)
    assert host.session.document.experiment.sampler.steps == 44
    assert documents.file.read_only
    assert "read only" in host.windowTitle()
    assert any("newer" in text for text in host.said())
    documents.save()
    assert documents.asking.dialog is not None  # it asks for another name
    documents.asking.close()
    assert json.loads(path.read_text())["version"] == 99


def test_save_asks_for_a_name_once(qtbot, host, documents, tmp_path):
    documents.save()
    dialog = documents.asking.dialog
    assert dialog is not None
    assert not dialog.testAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
    dialog.fileSelected.emit(str(tmp_path / "named.json"))
    documents.asking.close()
    settle(qtbot, documents)
    edit(host, steps=99)
    documents.save()
    settle(qtbot, documents)
    assert documents.asking.dialog is None
    assert files.read(tmp_path / "named.json")[0].experiment.sampler.steps == 99


def test_a_save_that_fails_says_so_and_loses_nothing(qtbot, host, documents, tmp_path, monkeypatch):
    path = tmp_path / "whole.json"
    saved(qtbot, documents, path)
    whole = path.read_text()

    def full(*_, **__):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "replace", full)
    edit(host, steps=9)
    saved(qtbot, documents, path)
    monkeypatch.undo()
    assert path.read_text() == whole
    assert [p.name for p in tmp_path.glob(".*")] == []
    assert "whole.json cannot be saved: No space left on device." in host.said()
    assert documents.dirty


def test_saving_into_a_folder_that_is_gone(qtbot, host, documents, tmp_path):
    saved(qtbot, documents, tmp_path / "gone" / "a.json")
    assert host.kinds() == ["error"]


def test_recent_files(qtbot, host, documents, tmp_path):
    for i in range(10):
        saved(qtbot, documents, tmp_path / f"{i}.json")
    assert [p.name for p in documents.recent.paths()] == [f"{i}.json" for i in range(9, 1, -1)]
    (tmp_path / "9.json").unlink()
    menu = QMenu(host)
    documents.fill_recent(menu)
    names = [action.text() for action in menu.actions()]
    assert names[0] == "8.json"
    menu.actions()[0].trigger()
    settle(qtbot, documents)
    assert documents.file.name == "8.json"
    documents.recent.clear()
    documents.fill_recent(menu)
    assert [action.text() for action in menu.actions()] == ["None yet"]


# --- models ----------------------------------------------------------------------------------------------


def test_a_model_is_saved_and_opened_again(qtbot, host, documents, tmp_path):
    model = models.untrained(host.session.document.experiment)
    model = replace(model, data={"type": "two_moons"})
    documents._save_model(model, tmp_path / "m.safetensors")
    settle(qtbot, documents)
    opened(qtbot, documents, tmp_path / "m.safetensors")
    assert host.session.document.experiment.score.source == "trained"
    assert host.session.networks.trainer.model.data == {"type": "two_moons"}
    notice = host.notices.notices()[-1]
    notice.button.click()
    assert host.session.document.experiment.data.name == "two_moons"


def test_a_model_for_other_dimensions_brings_its_data(qtbot, host, documents, tmp_path):
    from explorer.data.distributions import DISTRIBUTIONS

    flat = next(cls() for cls in DISTRIBUTIONS.values() if cls.dim == 1)
    model = models.untrained(replace(Experiment(), data=flat))
    model_files.save(replace(model, data={"type": flat.name}), tmp_path / "flat.safetensors")
    opened(qtbot, documents, tmp_path / "flat.safetensors")
    assert host.session.document.experiment.data == flat
    model_files.save(replace(model, data={}), tmp_path / "unknown.safetensors")
    documents.new()
    opened(qtbot, documents, tmp_path / "unknown.safetensors")
    assert host.kinds()[-1] == "error"
    assert host.session.document.experiment.data.dim == 2


def test_without_a_network_none_is_saved(host, documents):
    e = experiment()
    host.session.edit(
        replace(host.session.document, experiment=replace(e, score=replace(e.score, source="exact")))
    )
    documents.save_model()
    assert host.kinds() == ["warn"]
    assert documents.asking.dialog is None


# --- data ------------------------------------------------------------------------------------------------


def test_points_and_pictures_become_the_data(qtbot, host, documents, tmp_path):
    rng = np.random.default_rng(0)
    np.save(tmp_path / "p.npy", rng.normal(5, 3, (200, 2)))
    np.savetxt(tmp_path / "p.csv", rng.normal(size=(50, 2)), delimiter=",")
    Image.fromarray(rng.integers(0, 255, (20, 30), dtype=np.uint8)).save(tmp_path / "p.png")
    for name in ("p.npy", "p.csv", "p.png"):
        opened(qtbot, documents, tmp_path / name)
        data = host.session.document.experiment.data
        assert data.name == "points"
        assert name in data.note
        assert any(data.note in text for text in host.said())
    host.notices.notices()[-1].button.click()  # Undo
    assert "p.csv" in host.session.document.experiment.data.note


# --- bad files of every kind -----------------------------------------------------------------------------

BAD = {
    "not.json": b"{",
    "list.json": b"[1, 2]",
    "other.json": b'{"format": "something"}',
    "field.json": b'{"format": "score-explorer", "version": 1, "sampler": {"steps": -3}}',
    "nan.json": b'{"format": "score-explorer", "version": 1, "seed": NaN}',
    "bytes.json": b"\xff\xfe\x00\x01",
    "deep.json": b"[" * 100_000,
    "empty.json": b"",
    "empty.safetensors": b"",
    "noise.safetensors": bytes(range(256)),
    "empty.csv": b"",
    "one.csv": b"1\n",
    "same.csv": b"1,1\n1,1\n1,1\n",
    "words.csv": b"a,b\nc,d\n",
    "cut.npy": b"\x93NUMPY\x01\x00",
    "not.npz": b"PK\x03\x04nothing",
    "not.png": b"\x89PNG\r\n\x1a\nnothing",
    "white.png": None,
    "unknown.xyz": b"\x00\x01\x02",
}


@pytest.mark.parametrize("name", BAD)
def test_a_bad_file_gets_one_sentence(qtbot, host, documents, tmp_path, name):
    path = tmp_path / name
    if BAD[name] is None:
        Image.new("L", (8, 8), 255).save(path)
    else:
        path.write_bytes(BAD[name])
    before = host.session.document
    opened(qtbot, documents, path)
    assert host.kinds() == ["error"]
    (text,) = host.said()
    assert name in text
    assert text.endswith(".")
    assert "Traceback" not in text
    assert host.session.document is before
    assert documents.recent.paths() == []


def test_what_is_not_there_and_what_is_a_folder(qtbot, host, documents, tmp_path):
    (tmp_path / "folder.json").mkdir()
    opened(qtbot, documents, tmp_path / "folder.json")
    opened(qtbot, documents, tmp_path / "missing.safetensors")
    opened(qtbot, documents, tmp_path / "missing.xyz")
    assert host.kinds() == ["error"] * 3  # and it no longer says that it reads the folder's pictures
    assert "folder.json holds no images" in " ".join(host.said())


def test_kinds_are_known_by_content_where_the_ending_is_not(tmp_path):
    (tmp_path / "a").write_text('  {"x": 1}')
    (tmp_path / "b").write_bytes((8).to_bytes(8, "little") + b"{}      ")
    (tmp_path / "c").write_text("1,2\n")
    assert [kinds.kind_of(tmp_path / name) for name in "abc"] == [kinds.EXPERIMENT, kinds.MODEL, kinds.DATA]
    (tmp_path / "d").write_text("1,2\n", encoding="utf-16")
    (tmp_path / "e").write_text("<svg></svg>")
    assert [kinds.kind_of(tmp_path / name) for name in "de"] == [kinds.DATA, kinds.OTHER]


def test_a_film_is_no_file_to_open_and_those_that_are_are_named(qtbot, host, documents, tmp_path):
    (tmp_path / "clip.mp4").write_bytes(b"\0\0\0\x20ftypisom" + bytes(40))
    opened(qtbot, documents, tmp_path / "clip.mp4")
    (said,) = host.said()
    assert said.startswith("clip.mp4 is a video") and ".json" in said and ".csv" in said
    assert "UTF" not in said


# --- dropping --------------------------------------------------------------------------------------------


def drop(host, urls):
    mime = QMimeData()
    mime.setUrls(urls)
    copy, left, none = Qt.DropAction.CopyAction, Qt.MouseButton.LeftButton, Qt.KeyboardModifier.NoModifier
    enter = QDragEnterEvent(host.rect().center(), copy, mime, left, none)
    QApplication.sendEvent(host, enter)
    if enter.isAccepted():
        QApplication.sendEvent(host, QDropEvent(QPointF(9, 9), copy, mime, left, none))
    return enter.isAccepted()


def test_files_are_dropped_in_any_order(qtbot, host, documents, tmp_path):
    files.write(tmp_path / "e.json", Document(experiment(steps=77)))
    np.save(tmp_path / "p.npy", np.random.default_rng(0).normal(size=(40, 2)))
    assert drop(host, [QUrl.fromLocalFile(str(tmp_path / name)) for name in ("p.npy", "e.json")])
    settle(qtbot, documents)
    e = host.session.document.experiment
    assert (e.sampler.steps, e.data.name) == (77, "points")


def test_links_are_not_accepted(host, documents):
    assert not drop(host, [QUrl("https://example.org/e.json")])
    assert not drop(host, [])


# --- after a crash ---------------------------------------------------------------------------------------


def begin(qtbot, host):
    documents = Documents(host)
    documents.start()
    windows.wait(qtbot, lambda: not documents.recovery._restoring)
    return documents


def crash(qtbot, documents):
    """Write what would be written in a while, then end without an end."""
    recovery = documents.recovery

    def idle():
        return recovery._task is None or not recovery._task.alive

    windows.wait(qtbot, idle)
    recovery._next = 0.0
    recovery.look()
    windows.wait(qtbot, idle)
    recovery._store.release()
    recovery._store = None
    documents.shut_down()


def fresh(host):
    host.session.edit(Document())
    host.session.networks.reset_training()
    host.notices.clear()


def test_a_crash_loses_nothing(qtbot, host, tmp_path):
    first = begin(qtbot, host)
    assert host.said() == []
    edit(host, steps=31)
    saved(qtbot, first, tmp_path / "mine.json")
    edit(host, steps=32)
    work = host.session.document
    crash(qtbot, first)
    fresh(host)
    second = begin(qtbot, host)
    assert host.session.document == work
    assert second.file.name == "mine.json"
    assert second.dirty
    (notice,) = host.notices.notices()
    assert "is back" in notice.text
    notice.button.click()
    assert host.session.document == Document()
    host.session.undo()
    assert host.session.document == work
    second.shut_down()


def test_a_trained_network_survives_a_crash(qtbot, host):
    first = begin(qtbot, host)
    model = models.untrained(host.session.document.experiment)
    host.session.networks.use_model(replace(model, facts={"seconds": 3}))
    crash(qtbot, first)
    fresh(host)
    second = begin(qtbot, host)
    assert host.session.networks.trainer.model.facts == {"seconds": 3}
    assert host.session.document.experiment.score.source == "trained"
    second.shut_down()


def test_what_crashes_again_and_again_is_not_brought_back_by_itself(qtbot, host):
    documents = begin(qtbot, host)
    edit(host, steps=666)
    work = host.session.document
    for _ in range(2):
        crash(qtbot, documents)
        fresh(host)
        documents = begin(qtbot, host)
        assert host.session.document == work
    crash(qtbot, documents)
    fresh(host)
    documents = begin(qtbot, host)
    assert host.session.document == Document()
    host.notices.notices()[-1].button.click()
    windows.wait(qtbot, lambda: host.session.document == work)
    documents.shut_down()


def test_closing_keeps_what_was_not_saved(qtbot, host):
    first = begin(qtbot, host)
    edit(host, steps=71)
    work = host.session.document
    first.shut_down()
    fresh(host)
    second = begin(qtbot, host)
    (said,) = host.said()
    assert "not saved" in said  # and what was not is offered; else it opens as ever
    assert host.session.document == Document()
    menu = QMenu(host)
    second.fill_recent(menu)
    assert menu.actions()[0].text().startswith("Unsaved work")
    menu.actions()[0].trigger()
    windows.wait(qtbot, lambda: host.session.document == work)
    second.shut_down()


def test_what_a_signal_ends_comes_back_by_itself(qtbot, host, tmp_path):
    first = begin(qtbot, host)
    edit(host, steps=71)
    work = host.session.document
    first.recovery.interrupted = True
    first.shut_down()
    kept = [path for path in (tmp_path / "data").rglob("*") if path.is_file()]
    assert kept and (sys.platform == "win32" or {path.stat().st_mode & 0o777 for path in kept} == {0o600})
    fresh(host)
    second = begin(qtbot, host)
    assert host.session.document == work and "ended from outside" in host.said()[0]
    second.shut_down()


ENDED = """
import os, sys
from dataclasses import replace
from PySide6.QtCore import QTimer
from PySide6.QtWidgets import QApplication
from explorer.ui.window import app
from explorer.ui.window.window import MainWindow

def look():
    found = [w for w in QApplication.topLevelWidgets() if isinstance(w, MainWindow)]
    if not found or found[0].documents.recovery._store is None:
        return QTimer.singleShot(50, look)
    document = found[0].session.document
    sampler = replace(document.experiment.sampler, steps=71)
    found[0].session.edit(replace(document, experiment=replace(document.experiment, sampler=sampler)))
    os.kill(os.getpid(), int(sys.argv[1]))

application = QApplication(sys.argv[:1])
QTimer.singleShot(0, look)
sys.exit(app.main())
"""


@pytest.mark.skipif(sys.platform == "win32", reason="signals of POSIX")
@pytest.mark.parametrize("name", ["SIGINT", "SIGTERM", "SIGHUP"])
def test_a_signal_ends_the_window_with_its_work_kept(tmp_path, name):
    number = getattr(signal, name)
    done = subprocess.run(
        [sys.executable, "-c", ENDED, str(int(number))], capture_output=True, text=True, timeout=60,
        env=os.environ | {"SCORE_EXPLORER_DATA": str(tmp_path), "QT_QPA_PLATFORM": "offscreen"},
    )  # fmt: skip
    assert done.returncode == 128 + number and "Traceback" not in done.stderr
    (kept,) = (p for p in tmp_path.rglob("*.json") if '\\"steps\\": 71' in p.read_text(encoding="utf-8"))
    assert kept.stat().st_mode & 0o777 == 0o600


def test_closing_what_is_saved_leaves_nothing(qtbot, host, tmp_path):
    first = begin(qtbot, host)
    edit(host, steps=71)
    saved(qtbot, first, tmp_path / "a.json")
    first.shut_down()
    assert list((tmp_path / "data").rglob("*.json")) == []


def test_two_windows_have_a_folder_each(qtbot, host, tmp_path):
    first, second = begin(qtbot, host), Documents(host)
    second.start()
    folders = [d.recovery._store.folder for d in (first, second)]
    assert folders[0] != folders[1]
    first.shut_down()
    second.shut_down()


@pytest.mark.parametrize("changed", [
    {}, {"document": 1}, {"path": ["a"]}, {"attempts": "3"}, {"attempts": True}, {"attempts": 0.5}, {"saved": "now"},
    {"saved": -1}, {"saved": 1e300}, {"other": 1},
])  # fmt: skip
def test_a_state_of_other_types_is_none(tmp_path, changed):
    """One field of the wrong type and the file is damaged; the same without it is a state."""
    kept = autosave.Kept(tmp_path)
    kept.write(autosave.State("{}", "", 2, 1e9))
    file = tmp_path / "state.json"
    file.write_text(json.dumps(json.loads(file.read_text()) | changed))
    state = kept.state()
    assert (state is None) == bool(changed)
    assert state is None or (state.attempts == 2 and state.when)


def test_a_damaged_state_is_no_obstacle(qtbot, host, tmp_path):
    folder = tmp_path / "data" / "sessions" / "1"
    folder.mkdir(parents=True)
    (folder / "state.json").write_text('{"document": "nonsense"}')
    documents = begin(qtbot, host)
    assert host.kinds() == ["error"]
    documents.shut_down()
    (folder / "state.json").write_text("nonsense")
    host.notices.clear()
    documents = begin(qtbot, host)
    assert host.said() == []
    documents.shut_down()


def pictures_of(folder):
    rng = np.random.default_rng(0)
    folder.mkdir()
    for i in range(6):
        Image.fromarray(rng.integers(0, 255, (16, 16), np.uint8)).save(folder / f"{i}.png")
    folders.forget()
    return read(Folder(path=str(folder), side=16))


def test_what_cannot_be_brought_back_is_kept_for_the_next_time(qtbot, host, tmp_path):
    first = begin(qtbot, host)
    host.session.set_data(pictures_of(tmp_path / "cats"))
    work = host.session.document
    crash(qtbot, first)
    (tmp_path / "cats").rename(tmp_path / "elsewhere")
    for _ in range(3):  # it is no crash, however often: it is offered again and again
        folders.forget()
        fresh(host)
        documents = begin(qtbot, host)
        assert host.session.document == Document() and "cats cannot be read" in host.said()[0]
        edit(host, steps=77)
        documents.recovery._next = 0.0
        documents.recovery.look()  # the work of this window goes elsewhere
        documents.shut_down()
    (tmp_path / "elsewhere").rename(tmp_path / "cats")
    fresh(host)
    documents = begin(qtbot, host)
    assert host.session.document == work
    documents.shut_down()


def test_a_folder_that_has_gone_is_chosen_again_after_a_crash(qtbot, host, tmp_path):
    first = begin(qtbot, host)
    host.session.set_data(pictures_of(tmp_path / "cats"))
    crash(qtbot, first)
    (tmp_path / "cats").rename(tmp_path / "elsewhere")
    folders.forget()
    fresh(host)
    documents = begin(qtbot, host)
    host.notices.notices()[0].button.click()
    documents.asking.dialog.fileSelected.emit(str(tmp_path / "elsewhere"))
    documents.asking.close()
    windows.wait(qtbot, lambda: host.session.document.experiment.pictures is not None)
    assert host.session.document.experiment.data.path == str(tmp_path / "elsewhere")
    assert "is back" in host.said()[-1]
    documents.shut_down()
    fresh(host)
    documents = begin(qtbot, host)
    (said,) = host.said()  # nothing is left to be brought back; the last one was closed unsaved
    assert "not saved" in said
    documents.shut_down()


def test_a_folder_that_cannot_be_written_is_said_once(qtbot, host, tmp_path, monkeypatch):
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "sessions").write_text("a file where the folder should be")
    documents = begin(qtbot, host)
    assert len(host.said()) == 1
    edit(host, steps=3)
    documents.changed()
    assert len(host.said()) == 1
    documents.shut_down()


def test_a_full_disk_after_a_crash(qtbot, host, tmp_path, monkeypatch):
    first = begin(qtbot, host)
    edit(host, steps=31)
    work = host.session.document
    crash(qtbot, first)

    def full(*_):
        raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(autosave.Kept, "write", full)
        for _ in range(3):
            fresh(host)
            documents = begin(qtbot, host)
            assert host.session.document == work
            documents.recovery._store.release()  # crashes again; the count cannot be kept
            documents.recovery._store = None
            documents.shut_down()
    state = tmp_path / "data" / "sessions" / "1" / "state.json"
    state.write_text(json.dumps(json.loads(state.read_text()) | {"attempts": 2}))
    with monkeypatch.context() as patch:
        patch.setattr(autosave.Kept, "write", full)
        fresh(host)
        documents = begin(qtbot, host)
        assert host.session.document == Document() and len(host.said()) == 1
        documents.shut_down()
    assert json.loads(state.read_text())["attempts"] == 2


def test_autosave_waits_between_two_writes(qtbot, host, monkeypatch):
    written = []
    monkeypatch.setattr(Recovery, "_write", staticmethod(lambda *args: written.append(args)))
    documents = begin(qtbot, host)
    for steps in range(20, 40):
        edit(host, steps=steps)
        documents.changed()
        qtbot.wait(5)
    assert len(written) == 1
    documents.shut_down()


# --- tables ----------------------------------------------------------------------------------------------


def test_a_table_that_takes_a_while_shows_how_far_it_is_and_can_be_cancelled(
    qtbot, host, documents, tmp_path, monkeypatch
):
    ended = threading.Event()

    def endless(preview, choice):
        try:
            while True:
                yield 0.25
        finally:
            ended.set()

    monkeypatch.setattr("explorer.ui.files.documents.taking", endless)
    monkeypatch.setattr("explorer.ui.files.reading.PATIENCE", 0.0)
    (tmp_path / "long.csv").write_text("x,y\n1,2\n3,4\n")
    before = host.session.document
    documents.open_path(tmp_path / "long.csv")
    qtbot.waitUntil(lambda: bool(host.notices.about("reading")))
    (notice,) = host.notices.about("reading")
    assert "long.csv" in notice.text
    qtbot.waitUntil(lambda: notice.progress() == 0.25)
    notice.button.click()
    assert ended.wait(10) and not documents.busy and host.session.document is before
    assert not host.notices.about("reading") and "not read to its end" in host.said()[-1]


def test_a_table_that_turns_out_wrong_says_so_and_changes_nothing(qtbot, host, documents, tmp_path):
    rows = "1.5,2.5\n" * 30_000
    (tmp_path / "late.csv").write_text(f"x,y\n{rows}3,word\n")
    before = host.session.document
    opened(qtbot, documents, tmp_path / "late.csv")
    assert host.kinds() == ["error"] and "'word' in line 30002" in host.said()[0]
    assert host.session.document is before and not host.notices.about("reading")


@pytest.mark.parametrize("encoding", ["utf-16", "utf-8-sig", "utf-32"])
@pytest.mark.parametrize("name", ["e.json", "e"])
def test_experiments_in_other_encodings_are_opened(qtbot, host, documents, tmp_path, name, encoding):
    (tmp_path / name).write_text('{"sampler": {"steps": 21}}\r\n', encoding=encoding)
    opened(qtbot, documents, tmp_path / name)
    assert host.session.document.experiment.sampler.steps == 21
