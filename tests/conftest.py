"""What holds for every test: no network of threads, timers or windows left behind, one torch thread,
shapes checked, nothing of the user's touched."""

import os
import shutil
import sys
import tempfile
import threading
from pathlib import Path

import leaks
import pytest
from jaxtyping import install_import_hook

# Shapes are checked in tests and free in production. This must come before the first import of the modules that
# have any. (Not of all numerics: jaxtyping's wrapper costs ten times what an SDE's marginal does, and mypy
# checks types.)
install_import_hook(["explorer.data.distributions.mixture", "explorer.diffusion.noise"], "checker.checked")

SCREENLESS = (
    sys.platform == "linux" and not os.environ.get("DISPLAY") and not os.environ.get("WAYLAND_DISPLAY")
)
OFFSCREEN = os.environ.setdefault("QT_QPA_PLATFORM", "offscreen" if SCREENLESS else "") == "offscreen"


def pytest_configure(config):
    """A home of their own for the tests, and for the processes that they start."""
    home = Path(tempfile.mkdtemp(prefix="score-explorer-tests-"))
    config.add_cleanup(lambda: shutil.rmtree(home, ignore_errors=True))
    for name in ("XDG_CONFIG_HOME", "XDG_DATA_HOME", "XDG_CACHE_HOME", "SCORE_EXPLORER_DATA"):
        os.environ[name] = str(home / name.lower())
    # Qt warns without these two, and its warnings are failures here.
    os.environ.setdefault("XDG_RUNTIME_DIR", str(home))
    os.environ.setdefault("LC_ALL", "C.UTF-8")
    # Two torch jobs with two threads each on two cores are ten times slower than with one.
    os.environ["OMP_NUM_THREADS"] = "1"


def pytest_report_header():
    return f"screen: {'none, tests marked screen are left out' if OFFSCREEN else 'yes'}"


def pytest_collection_modifyitems(config, items):
    """Without a screen its tests are left out, which pytest counts as deselected."""
    if not OFFSCREEN:
        return
    left_out = [item for item in items if item.get_closest_marker("screen")]
    if left_out:
        items[:] = [item for item in items if item not in left_out]
        config.hook.pytest_deselected(items=left_out)


@pytest.fixture(autouse=True)
def one_torch_thread():
    """A test that lets torch use more threads does so for itself only."""
    yield
    if "torch" in sys.modules:
        sys.modules["torch"].set_num_threads(1)


@pytest.fixture(autouse=True)
def no_leaks(request):
    """Fail the test that leaves a thread, an active timer without an owner, or a window."""
    threads = set(threading.enumerate())
    windowed = "qapp" in request.fixturenames
    objects = leaks.qt_objects() if windowed else {}
    yield
    left = leaks.leaked_qt(objects) if windowed else []
    left += leaks.leaked_threads(threads)
    if left:
        pytest.fail(f"left behind: {', '.join(left)}")


@pytest.fixture(scope="session", autouse=True)
def one_application():
    """The application that all tests share is there first: what draws without a window would make a lesser one.

    Not by pytest-qt's `qapp`: only the tests that name that are searched for what they leave in Qt.
    """
    from PySide6.QtWidgets import QApplication

    yield QApplication.instance() or QApplication([])


@pytest.fixture
def host(qapp, tmp_path, monkeypatch):
    """What stands for the window, with data and settings of its own."""
    import windows

    monkeypatch.setenv("SCORE_EXPLORER_DATA", str(tmp_path / "data"))
    with windows.hosted(tmp_path) as made:
        yield made


@pytest.fixture
def documents(host):
    """The files of that window."""
    from explorer.ui.files.documents import Documents

    made = Documents(host)
    yield made
    made.shut_down()
