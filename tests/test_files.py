"""Atomic writing: whatever goes wrong, the old file is whole and no temporary stays."""

import errno
import os
import sys
import threading

import pytest

from explorer.base.files import write_atomically
from explorer.experiment.codec import edited
from explorer.experiment.schema import Experiment
from explorer.session.document import Document, write

POSIX = pytest.mark.skipif(sys.platform == "win32", reason="permissions and links as POSIX has them")
OLD = b"what was there"


@pytest.fixture
def target(tmp_path):
    path = tmp_path / "clip.mp4"
    path.write_bytes(OLD)
    return path


def untouched(target):
    return target.read_bytes() == OLD and list(target.parent.iterdir()) == [target]


def test_the_new_content_takes_the_place_of_the_old(target):
    with write_atomically(target) as temporary:
        assert temporary.parent == target.parent and temporary.suffix == ".mp4" and temporary != target
        temporary.write_bytes(b"new")
        assert target.read_bytes() == OLD
    assert target.read_bytes() == b"new" and list(target.parent.iterdir()) == [target]


def test_a_file_that_was_not_there(tmp_path):
    with write_atomically(str(tmp_path / "new.json")) as temporary:
        temporary.write_text("x")
    assert [p.name for p in tmp_path.iterdir()] == ["new.json"]


class Cancelled(BaseException):
    """As KeyboardInterrupt and asyncio's are: no Exception."""


@pytest.mark.parametrize(
    "error", [ValueError, OSError, MemoryError, KeyboardInterrupt, SystemExit, Cancelled]
)
def test_an_exception_of_any_kind(target, error):
    with pytest.raises(error), write_atomically(target) as temporary:
        temporary.write_bytes(b"half of")
        raise error
    assert untouched(target)


def test_an_export_that_is_dropped_half_way(target):
    """A generator that is closed gets GeneratorExit where it stands."""

    def export():
        with write_atomically(target) as temporary:
            temporary.write_bytes(b"half of")
            yield 0.5
            yield 1.0

    job = export()
    next(job)
    assert len(list(target.parent.iterdir())) == 2
    job.close()
    assert untouched(target)


@pytest.mark.parametrize("call", ["fsync", "replace"])
def test_a_disk_that_fills_at_the_last_moment(target, monkeypatch, call):
    def full(*_):
        raise OSError(errno.ENOSPC, "No space left on device")

    with pytest.raises(OSError, match="No space"), write_atomically(target) as temporary:
        temporary.write_bytes(b"new")
        monkeypatch.setattr(os, call, full)
    monkeypatch.undo()
    assert untouched(target)


@POSIX
def test_a_file_that_outgrows_what_may_be_written(tmp_path):
    """A real refusal of the system in the middle of a write, as a full disk gives."""
    import resource

    path = tmp_path / "e.json"
    write(path, Document())
    before = path.read_bytes()
    points = tuple((i / 7, i / 3) for i in range(1000))
    large = Document(edited(Experiment(), "data", {"type": "points", "points": points}))
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (len(before) + 10_000, limits[1]))
    try:
        with pytest.raises(OSError, match="too large"):
            write(path, large)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert path.read_bytes() == before and list(tmp_path.iterdir()) == [path]
    write(path, large)
    assert len(path.read_bytes()) > len(before) + 10_000


@POSIX
@pytest.mark.parametrize("ending", [".png", ".svg", ".pdf"])
def test_a_figure_on_a_disk_that_takes_a_part_of_it(tmp_path, ending):
    """Qt's own writers say nothing of it."""
    import resource

    import numpy as np

    from explorer.figures.figure import Plot, Series
    from explorer.figures.files import Source
    from explorer.figures.theme import theme
    from explorer.ui.figures.render import write_picture

    def drawn(points):
        x = np.linspace(0, 1, points)
        figures = [Plot("Figure", "x", "y", (Series("a", x, np.sin(300 * x)),))]
        write_picture(path, figures, Source("Laboratory"), theme("light"))

    path = tmp_path / f"figure{ending}"
    drawn(30)
    before = path.read_bytes()
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (len(before) // 2, limits[1]))
    try:
        with pytest.raises(OSError, match="too large"):
            drawn(3000)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert path.read_bytes() == before and list(tmp_path.iterdir()) == [path]
    drawn(3000)
    assert path.read_bytes() != before


def test_a_folder_that_is_not_there_or_is_a_file(target):
    for path in (target.parent / "no" / "such" / "f.txt", target / "f.txt"):
        with pytest.raises(OSError), write_atomically(path):
            pytest.fail("nothing can be written there")
    assert untouched(target)


def test_a_target_that_is_a_folder(target):
    folder = target.parent / "folder"
    folder.mkdir()
    with pytest.raises(OSError), write_atomically(folder) as temporary:
        temporary.write_bytes(b"new")
    folder.rmdir()
    assert untouched(target)


@POSIX
@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() == 0, reason="root may write anywhere")
def test_a_folder_that_may_not_be_written(target):
    target.parent.chmod(0o500)
    try:
        with pytest.raises(PermissionError), write_atomically(target):
            pytest.fail("nothing can be written there")
        assert untouched(target)
    finally:
        target.parent.chmod(0o700)


def test_permission_denied_in_the_folder(target, monkeypatch):
    """As above, for those whom no permission holds."""

    def denied(*_):
        raise PermissionError(errno.EACCES, "Permission denied")

    monkeypatch.setattr(os, "open", denied)
    with pytest.raises(PermissionError), write_atomically(target):
        pytest.fail("nothing can be written there")
    monkeypatch.undo()
    assert untouched(target)


@POSIX
def test_permissions_are_the_old_files_or_the_users_usual_ones(target):
    target.chmod(0o640)
    usual = target.parent / "usual"
    before = os.umask(0o027)
    try:
        for path in (target, usual):
            with write_atomically(path) as temporary:
                temporary.write_bytes(b"new")
        assert os.umask(0o027) == 0o027
    finally:
        os.umask(before)
    assert target.stat().st_mode & 0o777 == 0o640 and usual.stat().st_mode & 0o777 == 0o640
    with write_atomically(target) as temporary:
        temporary.write_bytes(b"x")
    assert target.stat().st_mode & 0o777 == 0o640


@POSIX
def test_a_link_stays_a_link(target):
    link = target.parent / "link.mp4"
    link.symlink_to(target)
    with write_atomically(link) as temporary:
        temporary.write_bytes(b"new")
    assert link.is_symlink() and target.read_bytes() == b"new"
    assert {p.name for p in target.parent.iterdir()} == {"link.mp4", "clip.mp4"}


@pytest.mark.parametrize(
    "name", ["x" * 200 + ".json", "é" * 100 + ".json", ".hidden", "no suffix", "a.tar.gz"]
)
def test_names_of_all_kinds(tmp_path, name):
    with write_atomically(tmp_path / name) as temporary:
        temporary.write_text("x")
    assert [p.name for p in tmp_path.iterdir()] == [name]


def test_two_at_once(target):
    """Each writes a temporary of its own: one of the two is there in the end, whole."""
    start = threading.Barrier(8)
    contents = [bytes([65 + i]) * 100_000 for i in range(8)]

    def one(content):
        start.wait(5)
        with write_atomically(target) as temporary:
            temporary.write_bytes(content)

    threads = [threading.Thread(target=one, args=(c,)) for c in contents]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(10)
    assert target.read_bytes() in contents and list(target.parent.iterdir()) == [target]
