"""What is installed is what the project says, and an installed copy finds its files."""

import ast
import configparser
import os
import pkgutil
import re
import shutil
import subprocess
import sys
import tomllib
import zipfile
from importlib import metadata
from importlib.util import find_spec
from pathlib import Path
from types import ModuleType, SimpleNamespace
from xml.etree import ElementTree

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from packaging.version import Version
from PIL import Image

from explorer import __version__
from explorer.base import paths
from explorer.cli import COMMANDS
from explorer.ui.dialogs.about import PARTS

ROOT = paths.PACKAGE.parent
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
APPSTREAM = "packaging/linux/org.scoreexplorer.ScoreExplorer.metainfo.xml"
EXTRAS = PROJECT["optional-dependencies"]
OWN = "score-explorer[tables]"  # the other extra, which the developers need too
LISTED = [*PROJECT["dependencies"], *EXTRAS["tables"], *(r for r in EXTRAS["dev"] if r != OWN)]
REQUIREMENTS = [Requirement(r) for r in LISTED]
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


@pytest.fixture(scope="module")
def installed(tmp_path_factory):
    """A wheel, built from a copy so that nothing is left in the checkout, and unpacked as pip would do it."""
    folder = tmp_path_factory.mktemp("wheel")
    source = folder / "source"
    source.mkdir()
    for name in ("explorer", "assets", "pretrained", "docs", "LICENSES"):
        shutil.copytree(ROOT / name, source / name, ignore=shutil.ignore_patterns("__pycache__"))
    for name in ("pyproject.toml", "LICENSE", "README.md"):
        shutil.copy(ROOT / name, source)
    (source / "assets" / "probe.txt").write_text("found")
    build = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(folder)]
    result = subprocess.run(build, cwd=source, capture_output=True, text=True, timeout=120)
    assert result.returncode == 0, result.stderr
    with zipfile.ZipFile(next(folder.glob("*.whl"))) as wheel:
        wheel.extractall(folder / "installed")
    return folder / "installed"


def run_installed(installed, *arguments, cwd):
    """The installed program, as its command starts it; nothing of the checkout can be imported."""
    code = f"import sys; sys.path.insert(0, {str(installed)!r}); sys.argv[0] = 'score-explorer'; "
    code += "from explorer.cli import main; sys.exit(main())"
    command = [sys.executable, "-I", "-c", code, *arguments]
    return subprocess.run(command, capture_output=True, text=True, cwd=cwd, timeout=120)


def test_a_wheel_carries_its_files_and_its_command(installed):
    (entry_points,) = installed.glob("*.dist-info/entry_points.txt")
    assert "score-explorer = explorer.cli:main" in entry_points.read_text()
    code = f"import sys; sys.path.insert(0, {str(installed)!r}); "
    code += (
        "from explorer.base import paths; print(paths.assets(), paths.pretrained(), paths.docs(), sep='\\n')"
    )
    found = subprocess.check_output([sys.executable, "-I", "-c", code], text=True).split("\n")
    package = installed / "explorer"
    assert [Path(line) for line in found[:3]] == [package / n for n in ("_assets", "_pretrained", "_docs")]
    assert (package / "_assets" / "probe.txt").read_text() == "found"
    assert (package / "py.typed").exists()
    for page in (ROOT / "docs").glob("*.md"):
        assert (package / "_docs" / page.name).read_bytes() == page.read_bytes()
    assert (package / "_docs" / "README.md").exists()
    names = {p.relative_to(installed).as_posix() for p in installed.rglob("*")}
    assert not [n for n in names if n.endswith(".gif") or "screenshot" in n]


def test_an_installed_program_says_where_its_pages_are(installed, tmp_path):
    said = run_installed(installed, "--help", cwd=tmp_path).stdout
    (page,) = [line.rstrip(".") for line in said.splitlines() if line.endswith("command-line.md.")]
    assert Path(page).is_file() and Path(page).is_relative_to(installed)


@pytest.mark.parametrize("sets", [[], ["--pictures", "mnist"]], ids=["points", "images"])
def test_an_installed_program_keeps_the_networks_that_it_came_with(installed, tmp_path, sets):
    before = {p.name: p.stat().st_mtime_ns for p in (installed / "explorer" / "_pretrained").iterdir()}
    done = run_installed(installed, "pretrain", *sets, "--iterations", "1", cwd=tmp_path)
    assert done.returncode == 2 and "--out" in done.stderr and "Traceback" not in done.stderr
    assert before == {
        p.name: p.stat().st_mtime_ns for p in (installed / "explorer" / "_pretrained").iterdir()
    }


def test_the_metadata_tell_whose_the_images_are(installed):
    (path,) = installed.glob("*.dist-info")
    told = metadata.PathDistribution(path).metadata
    assert told["License-Expression"] == "MIT AND CC-BY-SA-3.0 AND CC-BY-4.0"
    files = {f: (path / "licenses" / f).read_text(encoding="utf-8") for f in told.get_all("License-File")}
    whole = "\n".join(files.values())
    for text in (
        "ShareAlike 3.0",
        "Attribution 4.0 International",
        "2017 Zalando SE",
        "Score Explorer authors",
    ):
        assert text in whole
    versions = {c.rpartition(" ")[2] for c in told.get_all("Classifier") if "Python :: 3." in c}
    assert versions == {"3.11", "3.12", "3.13"}
    assert told["Keywords"] and told.get_all("Project-URL")


def test_every_image_and_every_network_learned_from_images_has_its_licence_named():
    page = (ROOT / "LICENSES" / "README.md").read_text(encoding="utf-8")
    for path in (ROOT / "assets" / "images").glob("*.npz"):
        assert f"assets/images/{path.name}" in page
        assert f"pretrained/{path.stem}*" in page


def test_the_version_is_one_everywhere(installed):
    """In the package, its metadata, AppStream's newest release, and wherever a page names a wheel."""
    (path,) = installed.glob("*.dist-info")
    assert metadata.PathDistribution(path).metadata["Version"] == __version__
    releases = ElementTree.parse(ROOT / APPSTREAM).getroot().findall("./releases/release")
    assert releases[0].get("version") == __version__
    assert "version" in PROJECT["dynamic"]
    pages = [
        ROOT / "README.md",
        *ROOT.glob("packaging/*.md"),
        *ROOT.glob("docs/*.md"),
        *ROOT.glob(".github/*/*"),
    ]
    named = [n for page in pages for n in re.findall(r"score_explorer-(\d[\d.]*\d)", page.read_text("utf-8"))]
    assert set(named) <= {__version__}


def test_every_requirement_has_a_lower_bound():
    for requirement in map(Requirement, PROJECT["dependencies"]):
        assert any(s.operator in (">=", "==", "~=") for s in requirement.specifier), requirement


# --- menu entry, file type, icons, and the folder that needs no Python ---

LINUX = ROOT / "packaging" / "linux"
ENTRY = configparser.ConfigParser(interpolation=None)
ENTRY.optionxform = str
ENTRY.read(LINUX / "score-explorer.desktop", encoding="utf-8")
MIME = "{http://www.freedesktop.org/standards/shared-mime-info}"


def test_menu_entry_file_type_and_catalogue_speak_of_the_same_things():
    entry = ENTRY["Desktop Entry"]
    type_, catalogue = (
        ElementTree.parse(LINUX / "score-explorer-mime.xml").getroot().find(f"{MIME}mime-type"),
        ElementTree.parse(ROOT / APPSTREAM).getroot(),
    )
    program, command, file = entry["Exec"].split()
    assert program in PROJECT["scripts"] and command in COMMANDS and file == "%f"
    assert entry["MimeType"] == f"{type_.get('type')};" and catalogue.findtext(
        "provides/mediatype"
    ) == type_.get("type")
    assert type_.find(f"{MIME}glob").get("pattern") == "*.scorex"
    assert (
        catalogue.findtext("launchable") == "score-explorer.desktop"
        and catalogue.findtext("name") == entry["Name"]
    )
    assert catalogue.findtext("project_license") == PROJECT["license"]
    assert {c.text for c in catalogue.findall("categories/category")} == set(
        entry["Categories"].strip(";").split(";")
    )


@pytest.mark.parametrize(
    "check",
    [
        ["desktop-file-validate", str(LINUX / "score-explorer.desktop")],
        ["appstreamcli", "validate", "--no-net", str(ROOT / APPSTREAM)],
        ["xmllint", "--noout", str(LINUX / "score-explorer-mime.xml")],
    ],
    ids=lambda c: c[0],
)
def test_the_validators_have_nothing_to_say(check):
    if shutil.which(check[0]) is None:
        pytest.skip("not installed")
    done = subprocess.run(check, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stdout + done.stderr


def test_icons_are_as_large_as_they_are_called():
    drawn = [*(ROOT / "assets" / "icons").glob("*.png"), *(ROOT / "packaging" / "icons").glob("*.png")]
    for path in drawn:
        with Image.open(path) as image:
            assert image.size == (int(path.stem.rpartition("-")[2]),) * 2 and image.mode == "RGBA"
    assert len(drawn) == 8
    with Image.open(ROOT / "packaging" / "icons" / "score-explorer.ico") as image:
        assert image.info["sizes"] >= {(n, n) for n in (16, 32, 48, 256)}
    with Image.open(ROOT / "packaging" / "icons" / "score-explorer.icns") as image:
        assert {size[:2] for size in image.info["sizes"]} >= {(n, n) for n in (16, 32, 128, 256, 512)}


def test_the_menu_entry_comes_and_goes(tmp_path):
    if sys.platform != "linux":
        pytest.skip("Linux has it")
    environment = os.environ | {"XDG_DATA_HOME": str(tmp_path)}
    for remove in ([], ["--remove"]):
        subprocess.run(
            ["bash", str(LINUX / "install"), *remove], env=environment, check=True, capture_output=True
        )
        there = sorted(
            p.name for p in tmp_path.rglob("*score*explorer*") if p.is_file() and "packages" not in p.parts
        )
        assert bool(there) == (not remove), there
        assert (tmp_path / "mime" / "packages" / "score-explorer.xml").exists() == (not remove)


def test_what_the_spec_of_the_folder_names_is_there():
    tree = ast.parse((ROOT / "packaging" / "score-explorer.spec").read_text(encoding="utf-8"))
    words = {n.value for n in ast.walk(tree) if isinstance(n, ast.Constant) and isinstance(n.value, str)}
    assert {package for package, _, _ in PARTS} <= words  # About tells their versions
    loops = [n for n in ast.walk(tree) if isinstance(n, ast.For)]
    for loop in loops:
        for name in ast.literal_eval(loop.iter):
            assert metadata.version(name) if "metadata" in ast.unparse(loop) else find_spec(name), name
    hidden = [w for w in words if w.startswith("vispy.")]
    assert len(loops) == 2 and hidden and all(find_spec(name) for name in hidden)
    for name in ("assets", "pretrained", "docs", "README.md", "LICENSE", "LICENSES", "main.py"):
        assert name in words and (ROOT / name).exists()


def folder_of_the_spec(monkeypatch, found):
    """What goes into the folder when PyInstaller has `found` these places: its spec is run, with a PyInstaller that
    only takes notes."""
    asked = {}
    hooks = ModuleType("PyInstaller.utils.hooks")
    hooks.collect_data_files = hooks.copy_metadata = lambda package: []
    hooks.collect_submodules = lambda package: [
        m.name for m in pkgutil.walk_packages([str(ROOT / package)], f"{package}.")
    ]
    for name in ("PyInstaller", "PyInstaller.utils"):
        monkeypatch.setitem(sys.modules, name, ModuleType(name))
    monkeypatch.setitem(sys.modules, hooks.__name__, hooks)

    def analysis(scripts, **options):
        asked.update(options)
        entries = [(place, f"/somewhere/{place}", "DATA") for place in found]
        return SimpleNamespace(pure=[], scripts=[], datas=entries, binaries=list(entries))

    def collect(program, binaries, datas, name):
        asked["binaries"], asked["files"] = (
            [place for place, *_ in entries] for entries in (binaries, datas)
        )

    names = {"SPECPATH": str(ROOT / "packaging"), "Analysis": analysis, "COLLECT": collect}
    names |= dict.fromkeys(("PYZ", "EXE", "BUNDLE"), lambda *_, **__: None)
    exec((ROOT / "packaging" / "score-explorer.spec").read_text(encoding="utf-8"), names)
    return asked


def test_every_module_goes_into_the_folder(monkeypatch):
    hidden = set(folder_of_the_spec(monkeypatch, [])["hiddenimports"])
    modules = {p.relative_to(ROOT).with_suffix("") for p in (ROOT / "explorer").rglob("*.py")}
    names = {".".join(m.parent.parts if m.name == "__init__" else m.parts) for m in modules}
    assert names - {"explorer"} <= hidden


def test_tests_and_tools_of_pytorch_stay_out_of_the_folder(monkeypatch):
    kept = [
        "torch/lib/libtorch_cpu.so", "torch/bin/torch_shm_manager", "torch/testing/x.py", "explorer/_docs/test/x.md",
    ]  # fmt: skip
    left = ["torch/bin/protoc", "torch/test/test_api", "torch/bin/test_jit"]
    asked = folder_of_the_spec(monkeypatch, [*kept, *left])
    assert asked["files"] == asked["binaries"] == kept
