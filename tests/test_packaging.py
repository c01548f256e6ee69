"""What is installed is what the project says, and an installed copy finds its files."""

import re
import shutil
import subprocess
import sys
import tomllib
import zipfile
from importlib import metadata
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from packaging.version import Version

from explorer import paths

ROOT = Path(paths.__file__).resolve().parent.parent
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
REQUIREMENTS = [Requirement(r) for r in PROJECT["dependencies"] + PROJECT["optional-dependencies"]["dev"]]
PINNED = re.findall(r"^([\w.-]+)==(\S+)$", (ROOT / "constraints.txt").read_text(), re.MULTILINE)
PINS = {canonicalize_name(name): version for name, version in PINNED}


@pytest.mark.parametrize("requirement", REQUIREMENTS, ids=str)
def test_every_requirement_is_pinned_and_installed(requirement):
    if requirement.marker is not None and not requirement.marker.evaluate():
        pytest.skip("for another Python")
    pin = PINS[canonicalize_name(requirement.name)]
    assert pin in requirement.specifier
    assert Version(metadata.version(requirement.name)).public == pin


def test_qt_is_below_the_version_that_aborts_old_pythons():
    assert Version("6.8.3") <= Version(PINS["pyside6-essentials"]) < Version("6.12")
    with pytest.raises(metadata.PackageNotFoundError):
        metadata.version("PySide6")


def test_in_a_checkout_the_files_stand_beside_the_package():
    assert paths.assets() == ROOT / "assets"
    assert paths.pretrained() == ROOT / "pretrained"
    assert paths.assets().is_dir() and paths.pretrained().is_dir()


def test_the_users_files_can_be_moved(tmp_path, monkeypatch):
    monkeypatch.setenv("SCORE_EXPLORER_DATA", str(tmp_path / "elsewhere"))
    assert paths.user_data() == tmp_path / "elsewhere"
    assert paths.user_data().is_dir()


def test_a_wheel_carries_its_files_and_its_command(tmp_path):
    # From a copy, so that a build leaves nothing in the checkout.
    source = tmp_path / "source"
    source.mkdir()
    for name in ("explorer", "assets", "pretrained"):
        shutil.copytree(ROOT / name, source / name, ignore=shutil.ignore_patterns("__pycache__"))
    for name in ("pyproject.toml", "LICENSE", "README.md"):
        shutil.copy(ROOT / name, source)
    (source / "assets" / "probe.txt").write_text("found")
    build = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(tmp_path)]
    result = subprocess.run(build, cwd=source, capture_output=True, text=True, timeout=120)
    assert result.returncode == 0, result.stderr

    installed = tmp_path / "installed"
    with zipfile.ZipFile(next(tmp_path.glob("*.whl"))) as wheel:
        wheel.extractall(installed)
    (entry_points,) = installed.glob("*.dist-info/entry_points.txt")
    assert "score-explorer = explorer.cli:main" in entry_points.read_text()
    code = f"import sys; sys.path.insert(0, {str(installed)!r}); "
    code += "from explorer import paths; print(paths.assets())"
    found = subprocess.check_output([sys.executable, "-I", "-c", code], text=True)
    assert Path(found.strip()) == installed / "explorer" / "_assets"
    assert (installed / "explorer" / "_assets" / "probe.txt").read_text() == "found"
    assert (installed / "explorer" / "_pretrained").is_dir()
