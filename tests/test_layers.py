"""The core needs no Qt: it is imported in a process where Qt, and what stands on it, is not installed."""

import json
import pkgutil
import subprocess
import sys
import sysconfig
from pathlib import Path

import pytest

import explorer

ROOT = Path(explorer.__file__).resolve().parent.parent
QT = ("PySide6", "shiboken6", "pyqtgraph", "qasync", "qtpy", "superqt", "vispy")

IMPORTS = """
import importlib, importlib.util, json, sys
sys.path[:0] = [{root!r}, {packages!r}]
present = [name for name in {qt!r} if importlib.util.find_spec(name)]
assert not present, f"Qt is installed here, so this proves nothing: {{present}}"
failures = {{}}
for module in {modules!r}:
    try:
        importlib.import_module(module)
    except Exception as error:
        failures[module] = repr(error)
print(json.dumps(failures))
"""


def core_modules():
    """Every module of the package outside explorer.ui, found without importing any."""
    names = ["explorer"]
    folders = [("explorer", ROOT / "explorer")]
    while folders:
        package, folder = folders.pop()
        for module in pkgutil.iter_modules([str(folder)]):
            name = f"{package}.{module.name}"
            if name == "explorer.ui" or module.name == "__main__":
                continue
            names.append(name)
            if module.ispkg:
                folders.append((name, folder / module.name))
    return sorted(names)


@pytest.fixture(scope="module")
def without_qt(tmp_path_factory):
    """A folder of links to every installed package but those."""
    folder = tmp_path_factory.mktemp("packages")
    for installed in Path(sysconfig.get_path("purelib")).iterdir():
        name = installed.name.lower()
        if not name.startswith(tuple(q.lower() for q in QT)) and not name.endswith(".pth"):
            (folder / installed.name).symlink_to(installed)
    return folder


def python(code):
    """`code` in a Python that knows neither the environment (-S) nor the variables (-I) of this one."""
    command = [sys.executable, "-I", "-S", "-c", code]
    return subprocess.run(command, capture_output=True, text=True, timeout=120)


def test_the_core_is_imported_where_qt_is_not_installed(without_qt):
    modules = core_modules()
    assert "explorer.base.paths" in modules
    code = IMPORTS.format(root=str(ROOT), packages=str(without_qt), qt=QT, modules=modules)
    result = python(code)
    assert result.returncode == 0, result.stderr
    assert json.loads(result.stdout.splitlines()[-1]) == {}


def test_importing_explorer_loads_neither_qt_nor_torch():
    heavy = (*QT, "torch")
    code = f"import sys; sys.path.insert(0, {str(ROOT)!r}); import explorer; "
    result = python(code + f"print([name for name in {heavy} if name in sys.modules])")
    assert result.stdout.strip() == "[]", result.stdout + result.stderr


#: What takes long to import, and is not seen when the window opens.
LATER = (
    "torch", "pyqtgraph", "vispy", "qasync", "asyncio", "ziamath", "explorer.session.scenes",
    "explorer.ui.cards.charts",
    "explorer.ui.figures.views", "explorer.ui.figures.paint", "explorer.ui.labs.page",
    "explorer.ui.dialogs.export_dialog",
)  # fmt: skip


def test_what_is_seen_later_is_imported_later():
    code = f"import sys, explorer.ui.window.app; print(*(m for m in {LATER!r} if m in sys.modules))"
    assert subprocess.check_output([sys.executable, "-c", code], text=True, cwd=ROOT).split() == []
