"""The command line, mostly as a shell sees it: processes, exit codes, files, and one sentence where it went wrong."""

import csv
import gc
import gzip
import io
import json
import os
import signal
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from explorer.base.params import params
from explorer.base.registry import Registry
from explorer.cli import COMMANDS, main
from explorer.data.imports import read_data
from explorer.experiment.migrations import from_dict
from explorer.experiment.schema import Experiment
from explorer.networks.files import load
from explorer.session.document import loads
from explorer.session.scenes import SCENES

ROOT = Path(__file__).resolve().parent.parent
SMALL = ["--set", "sampler.particles=50", "--set", "sampler.steps=5", "--set", "score.source=exact"]


def environment(**more):
    """Without a display, whatever there is here."""
    left_out = ("DISPLAY", "WAYLAND_DISPLAY", "QT_QPA_PLATFORM")
    return {k: v for k, v in os.environ.items() if k not in left_out} | {"OMP_NUM_THREADS": "1"} | more


def shell(*arguments, stdin=None, cwd=None, text=True, **env):
    command = [sys.executable, str(ROOT / "main.py"), *map(str, arguments)]
    return subprocess.run(
        command, input=stdin, capture_output=True, text=text, encoding="utf-8" if text else None,
        cwd=cwd, env=environment(**env), timeout=100,
    )  # fmt: skip


def here(capsys, *arguments):
    """In this process, which is faster: exit code, stdout, stderr."""
    capsys.readouterr()
    code = main([str(a) for a in arguments])
    out, err = capsys.readouterr()
    return code, out, err


@pytest.fixture
def file(tmp_path, capsys):
    code, out, _ = here(capsys, "new", "--distribution", "eight_gaussians", *SMALL)
    assert code == 0
    path = tmp_path / "e.json"
    path.write_text(out, encoding="utf-8")
    return path


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    """A network trained for a moment, by the command itself."""
    folder = tmp_path_factory.mktemp("model")
    path = folder / "m.safetensors"
    (folder / "e.json").write_text('{"score": {"network": {"width": 16, "depth": 1}}}')
    told = shell("train", folder / "e.json", "--out", path, "--iterations", 60, "--device", "cpu")
    assert told.returncode == 0, told.stderr
    assert json.loads(told.stdout)["iterations"] == 60 and "training" in told.stderr
    return path


# --- list and new ---------------------------------------------------------------------------------------


def test_list_names_everything_in_every_registry(capsys):
    code, out, _ = here(capsys, "list", "--json")
    assert code == 0
    listed = json.loads(out)
    registries = [o for o in gc.get_objects() if type(o) is Registry and o._package.startswith("explorer.")]
    assert len(registries) >= 8
    for registry in registries:
        assert any(set(registry) <= set(entries) for entries in listed.values()), registry.kind
        for name, cls in registry.items():
            entry = next(entries[name] for entries in listed.values() if set(registry) <= set(entries))
            assert [p["name"] for p in entry["parameters"]] == [p.name for p in params(cls)]
            assert entry["title"] == cls.title and entry["about"]


def test_list_says_range_and_default(capsys):
    _, out, _ = here(capsys, "list", "sdes", "--json")
    (beta,) = (p for p in json.loads(out)["sdes"]["vp"]["parameters"] if p["name"] == "beta_max")
    assert (beta["default"], beta["minimum"], beta["maximum"], beta["symbol"]) == (20.0, 0.01, 400.0, "β_max")
    code, out, _ = here(capsys, "list")
    assert code == 0 and "checkerboard" in out and "beta_max = 20.0" in out and "reverse_diffusion" in out


@pytest.mark.parametrize(
    "sampler, mode, field",
    [
        ("ode", "ode", None),
        ("ancestral", "reverse", "predictor"),
        ("rk4", "ode", "solver"),
        ("ald", "pc", "corrector"),
    ],
)
def test_new_makes_the_experiment_that_was_named(sampler, mode, field, capsys):
    code, out, _ = here(capsys, "new", "--distribution", "rings", "--sde", "subvp", "--sampler", sampler)
    assert code == 0
    e = loads(out)[0].experiment
    assert (e.data.name, e.sde.name, e.sampler.mode) == ("rings", "subvp", mode)
    assert field is None or getattr(e.sampler, field).name == sampler


@pytest.mark.parametrize(
    "sampler, mode, field, other",
    [
        ("ddim", "reverse", "predictor", "ode.ddim"),
        ("ode.ddim", "ode", "solver", ""),
        ("pc.langevin", "pc", "corrector", ""),
    ],
)
def test_a_name_that_two_samplers_share(sampler, mode, field, other, capsys):
    code, out, err = here(capsys, "new", "--sampler", sampler)
    e = loads(out)[0].experiment
    assert code == 0 and e.sampler.mode == mode and getattr(e.sampler, field).name == sampler.split(".")[-1]
    assert other in err and bool(err) == bool(other)
    there = here(capsys, "new", "--sampler", "nosuch")[2].split("there are: ")[1].rstrip(".\n").split(", ")
    assert {"ddim", "ode.ddim", "pc.langevin"} <= set(there) and len(there) == len(set(there))


def test_new_writes_a_file_too(tmp_path, capsys):
    path = tmp_path / "e.json"
    assert here(capsys, "new", "--out", path)[0] == 0
    assert loads(path.read_text(encoding="utf-8"))[0].experiment == Experiment()


def test_fields_are_set_all_at_once_and_by_their_type(capsys):
    """Neither assignment alone would be a valid experiment, and a new type starts from its own defaults."""
    sets = ["sde.beta_min=30", "sde.beta_max=40", "data.type=letters", "data.word=VP", "look.trails=false"]
    sets += ["sampler.predictor=ancestral", "compare.sampler.mode=ode"]
    code, out, err = here(capsys, "new", *(part for s in sets for part in ("--set", s)))
    assert code == 0, err
    found = loads(out)[0]
    assert (found.experiment.sde.beta_min, found.experiment.data.word) == (30.0, "VP")
    assert not found.look.trails and found.experiment.sampler.predictor.name == "ancestral"
    assert found.compare.sampler.mode == "ode" and found.compare.sde == found.experiment.sde
    assert found.experiment.sampler.mode == Experiment().sampler.mode


def test_a_field_of_the_second_stage_leaves_the_first_alone(file, tmp_path, capsys):
    out = tmp_path / "run.npz"
    sets = ("--set", "compare.sampler.steps=3", "--set", "compare.sde=ve")
    code, _, err = here(capsys, "run", file, "--out", out, *sets)
    assert code == 0, err
    with np.load(out) as arrays:
        found = loads(str(arrays["experiment"]))[0]
        assert len(arrays["t"]) == 6 and (found.experiment.sde.name, found.compare.sde.name) == ("vp", "ve")
    assert (found.experiment.sampler.steps, found.compare.sampler.steps) == (5, 3)


def test_every_scene_is_listed_and_written(tmp_path, capsys):
    code, out, _ = here(capsys, "list", "scenes", "--json")
    assert code == 0 and set(json.loads(out)["scenes"]) == {s.name for s in SCENES}
    for each in SCENES:
        code, out, err = here(capsys, "new", "--scene", each.name)
        assert code == 0 and loads(out)[0] == replace(each.document, lab=each.make_lab()), each.name
        assert each.words in err and (f"lab {each.lab} " in err) == bool(each.lab)


def test_a_scene_with_fields_of_ones_own(capsys):
    sets = ("--sde", "ve", "--set", "compare.sampler.steps=7", "--set", "seed=3")
    code, out, err = here(capsys, "new", "--scene", "sde_against_ode", *sets)
    assert code == 0, err
    found = loads(out)[0]
    assert (found.experiment.sde.name, found.experiment.seed, found.compare.sampler.steps) == ("ve", 3, 7)
    code, _, err = here(capsys, "new", "--scene", "nobody")
    assert code == 2 and "over_guidance" in err
    code, _, err = here(capsys, "new", "--scene", "forgetting", "--distribution", "rings")
    assert code == 2 and "--distribution" in err


@pytest.mark.parametrize("ending", [".csv", ".npy", ".npz", ".png"])
def test_points_of_a_file_are_data(ending, tmp_path, capsys):
    path, points = tmp_path / f"mine{ending}", np.random.default_rng(0).normal(5, 2, (40, 2))
    if ending == ".csv":
        path.write_text("\n".join(f"{x},{y}" for x, y in points))
    elif ending == ".png":
        Image.fromarray((np.eye(30) * 255).astype(np.uint8)).save(path)
    else:
        {".npy": np.save, ".npz": np.savez}[ending](path, points)
    code, out, err = here(capsys, "new", "--data", path, "--sampler", "heun")
    assert code == 0 and err.startswith(f"note: mine{ending}") and "moved by" in err
    e = loads(out)[0].experiment
    assert e.data == read_data(path).distribution() and e.sampler.solver.name == "heun"


def test_a_file_that_holds_no_points_is_refused(tmp_path, capsys):
    path = tmp_path / "mine.csv"
    path.write_text("x,y\n1,1\n1,1\n")
    for wrong in (path, tmp_path / "none.csv"):
        code, out, err = here(capsys, "new", "--data", wrong)
        assert code == 2 and not out and wrong.name in err and "Traceback" not in err


@pytest.mark.parametrize("rows", ["c=z", "0:0", "3:1", "9:20"])
@pytest.mark.parametrize("command", ["score", "likelihood"])
def test_no_points_are_refused(file, tmp_path, capsys, command, rows):
    """Where no row is chosen there is nothing to compute, and one sentence says so."""
    path = tmp_path / "mine.csv"
    path.write_text("x,y,c\n1,2,a\n3,4,b\n5,7,a\n")
    code, out, err = here(capsys, command, file, "--points", path, "--columns", "x,y", "--rows", rows)
    assert (code, out, err.count("\n")) == (2, "", 1)
    assert "--points: mine.csv has no row that is chosen (0 of 3)" in err


NO_ROWS = {
    "header.csv": b"x,y\n", "no end.csv": b"x,y", "nothing.csv": b"", "blank.csv": b"\n \n", "comment.csv": b"# x,y\n",
    "packed.csv.gz": gzip.compress(b"x,y\n"), "0.npy": np.zeros((0, 2)), "line.npy": np.zeros(0),
    "fields.npy": np.zeros(0, [("x", float), ("y", float)]), "0.npz": {"a": np.zeros((0, 2))},
    "pair.npz": {"x": np.zeros(0), "y": np.zeros(0)}, "missing.csv": b"x,y\nNA,NA\nNA,1\n",
    "nan.npy": np.full((3, 2), np.nan),
}  # fmt: skip


@pytest.mark.parametrize("name", NO_ROWS)
def test_tables_without_points(file, tmp_path, capsys, name):
    path, value = tmp_path / name, NO_ROWS[name]
    if isinstance(value, bytes):
        path.write_bytes(value)
    elif isinstance(value, dict):
        np.savez(path, **value)
    else:
        np.save(path, value)
    for arguments in (
        ["score", file, "--points", path],
        ["likelihood", file, "--points", path],
        ["new", "--data", path],
    ):
        code, out, err = here(capsys, *arguments)
        assert (code, out, err.count("\n")) == (2, "", 1)
        assert name in err


# --- run ------------------------------------------------------------------------------------------------


def test_run_is_reproducible_byte_for_byte(file, tmp_path, capsys):
    a, b = tmp_path / "a.npz", tmp_path / "b.npz"
    first = shell("run", "-", "--out", a, stdin=file.read_text(encoding="utf-8"))
    assert first.returncode == 0, first.stderr
    assert here(capsys, "run", file, "--out", b)[0] == 0
    assert a.read_bytes() == b.read_bytes()
    summary = json.loads(first.stdout)
    assert (summary["x"], summary["nfe"]) == ([6, 50, 2], 5) and summary["seconds"] > 0
    with np.load(a) as arrays:
        assert arrays["t"].shape == (6,) and arrays["x"].shape == (6, 50, 2)
        assert arrays["x"].dtype == np.float32 and arrays["nfe"].tolist() == [0, 1, 2, 3, 4, 5]
        assert loads(str(arrays["experiment"]))[0].experiment.sampler.particles == 50


@pytest.mark.parametrize("mode", ["forward", "reverse", "ode", "pc", "langevin", "annealed", "dopri5"])
def test_run_takes_every_mode(mode, file, tmp_path, capsys):
    how = ["sampler.mode=ode", "sampler.solver=dopri5"] if mode == "dopri5" else [f"sampler.mode={mode}"]
    how += ["sampler.langevin_steps=7", "sampler.levels=3", "sampler.level_steps=4"]
    sets = [part for s in how for part in ("--set", s)]
    code, out, err = here(capsys, "run", file, "--out", tmp_path / "r.npz", *sets)
    assert code == 0, err
    with np.load(tmp_path / "r.npz") as arrays:
        assert list(arrays["x"].shape) == json.loads(out)["x"] and len(arrays["t"]) == len(arrays["x"])
        assert np.isfinite(arrays["x"]).all()


def test_run_measures(file, capsys):
    code, out, _ = here(capsys, "run", file, "--metrics", "--set", "sampler.particles=500")
    measured = json.loads(out)["metrics"]
    assert code == 0 and set(measured) >= {"sliced_wasserstein", "energy_distance", "mean_log_density"}
    assert 0 < measured["energy_distance"]["floor"] < measured["energy_distance"]["value"]


def test_arrays_go_to_stdout(file):
    result = shell("run", file, "--out", "-", text=False)
    with np.load(io.BytesIO(result.stdout)) as arrays:
        assert arrays["x"].shape == (6, 50, 2)
    notes, brace, summary = result.stderr.decode().partition("{")
    assert json.loads(brace + summary)["nfe"] == 5
    assert [line.split()[0] for line in notes.splitlines()] == ["note:"]  # five steps are too few


def test_a_mixture_is_given_inline(tmp_path, capsys):
    mixture = {"type": "gaussian_mixture", "means": [[-3, 0], [3, 0]], "scales": 0.01, "weights": [9, 1]}
    path = tmp_path / "e.json"
    path.write_text(json.dumps({"data": mixture, "score": {"source": "exact"}}))
    code, _, err = here(capsys, "run", path, "--out", tmp_path / "r.npz", "--set", "sampler.particles=400")
    assert code == 0, err
    with np.load(tmp_path / "r.npz") as arrays:
        x = arrays["x"][-1]
    assert np.allclose(np.abs(x[:, 0]), 3, atol=0.3) and 0.8 < (x[:, 0] < 0).mean() < 0.97


def test_a_run_that_diverges_says_so(file, capsys):
    sets = ["--set", "sampler.mode=langevin", "--set", "sampler.langevin_step=10"]
    code, out, err = here(capsys, "run", file, *sets)
    assert code == 0 and "Diverged" in err and "Diverged" in json.loads(out)["note"]
    code, _, err = here(capsys, "export", file, "--out", file.with_name("last.png"), *sets)
    assert code == 0 and err.count("Diverged") == 1


# --- train and models -----------------------------------------------------------------------------------


def test_a_trained_network_is_used(model, file, tmp_path, capsys):
    code, _, err = here(capsys, "run", file, "--model", model, "--out", tmp_path / "r.npz")
    assert code == 0, err
    with np.load(tmp_path / "r.npz") as arrays:
        e = loads(str(arrays["experiment"]))[0].experiment
    assert e.score.source == "trained" and e.score.network.width == 16


def test_training_goes_on_from_a_network(model, file, tmp_path, capsys):
    out = tmp_path / "m2.safetensors"
    code, _, err = here(
        capsys, "train", file, "--out", out, "--iterations", 3, "--from", model, "--device", "cpu"
    )
    assert code == 0, err
    before, after = load(model), load(out)
    assert after.network == before.network and after.facts["iterations"] == 3
    assert from_dict({"data": after.data})[0].data.name == "eight_gaussians"


def test_training_is_reproducible(file, tmp_path, capsys):
    for name in ("a", "b"):
        arguments = ["--iterations", 5, "--set", "score.network.width=16", "--device", "cpu"]
        assert here(capsys, "train", file, "--out", tmp_path / name, *arguments)[0] == 0
    a, b = (load(tmp_path / name).weights for name in ("a", "b"))
    assert all(np.array_equal(a[k], b[k]) for k in a)


@pytest.mark.skipif(sys.platform == "win32", reason="signals are POSIX's")
def test_interrupting_a_training_keeps_the_network(file, tmp_path):
    out = tmp_path / "m.safetensors"
    command = [
        sys.executable,
        str(ROOT / "main.py"),
        "train",
        str(file),
        "--out",
        str(out),
        "--seconds",
        "60",
    ]
    with subprocess.Popen(
        command, stderr=subprocess.PIPE, stdout=subprocess.PIPE, env=environment()
    ) as process:
        said = b""
        while b"loss" not in said:
            said += process.stderr.read(1)
        process.send_signal(signal.SIGINT)
        _, rest = process.communicate(timeout=20)
    assert process.returncode == 1 and b"interrupted; the network as it was after" in rest
    assert b"Traceback" not in rest and load(out).facts["iterations"] > 0


# --- export ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("ending", ["mp4", "gif", "webp", "apng", "png", "svg", "npz", "csv", "py"])
def test_export_writes_what_the_ending_asks_for(ending, file, tmp_path, capsys):
    out = tmp_path / f"out.{ending}"
    movie = ["--fps", 8, "--seconds", 0.5, "--hold", 0] if ending in ("mp4", "gif", "webp", "apng") else []
    drawn = ["--width", 160, "--theme", "light"] if movie or ending in ("png", "svg") else []
    code, said, err = here(capsys, "export", file, "--out", out, *movie, *drawn)
    assert code == 0, err
    summary = json.loads(said)
    assert summary["bytes"] == out.stat().st_size > 0
    assert "width" not in summary or (summary["width"], summary["height"]) == (160, 90)


def test_export_needs_no_display(file, tmp_path):
    out = tmp_path / "clip.mp4"
    sizes = ("--width", 160, "--fps", 8, "--seconds", 0.5, "--set", "compare.sampler.mode=ode")
    result = shell("export", file, "--out", out, *sizes, DISPLAY=":4711")  # a display that went away
    assert result.returncode == 0, result.stderr
    assert json.loads(result.stdout)["frames"] == 12 and out.stat().st_size > 0


def test_export_at_a_share_of_the_run(file, tmp_path, capsys):
    images = []
    for at in (0, 0.5, 1):
        assert here(capsys, "export", file, "--out", tmp_path / "p.png", "--at", at, "--height", 90)[0] == 0
        with Image.open(tmp_path / "p.png") as image:
            images.append(np.asarray(image).copy())
    assert images[0].shape == (90, 160, 3)
    assert not np.array_equal(images[0], images[1]) and not np.array_equal(images[1], images[2])


def test_export_of_a_part_of_the_plane_and_without_a_caption(file, tmp_path, capsys):
    def picture(*more):
        code, _, err = here(capsys, "export", file, "--out", tmp_path / "p.png", "--height", 90, *more)
        assert code == 0, err
        with Image.open(tmp_path / "p.png") as image:
            return np.asarray(image).copy()

    plain, zoomed = picture(), picture("--bounds", -1, 1, -0.5, 1)
    assert not np.array_equal(plain, zoomed)
    low = slice(80, 90)  # where the caption stands
    bare = picture("--no-caption")
    assert (plain[low].astype(int).std(axis=(0, 1)) > bare[low].astype(int).std(axis=(0, 1))).all()
    for wrong in ((1, -1, 0, 1), (0, 1, 2, 2), (0, "inf", 0, 1)):
        code, _, err = here(capsys, "export", file, "--out", tmp_path / "p.png", "--bounds", *wrong)
        assert code == 2 and "--bounds" in err


def test_export_to_stdout(file):
    result = shell("export", file, "--out", "-", "--format", "png", "--width", 64, text=False)
    assert result.returncode == 0, result.stderr
    with Image.open(io.BytesIO(result.stdout)) as image:
        assert image.size == (64, 36)


@pytest.mark.skipif(sys.platform == "win32", reason="signals are POSIX's")
@pytest.mark.parametrize("how", ["SIGTERM", "SIGKILL"])
def test_a_killed_export_leaves_the_old_file(how, file, tmp_path):
    out = tmp_path / "clip.mp4"
    out.write_bytes(b"old")
    command = [
        sys.executable,
        str(ROOT / "main.py"),
        "export",
        str(file),
        "--out",
        str(out),
        "--seconds",
        "500",
    ]
    with subprocess.Popen(
        command, stderr=subprocess.PIPE, stdout=subprocess.PIPE, env=environment()
    ) as process:
        deadline = time.monotonic() + 30
        while not list(tmp_path.glob(".clip*")) and time.monotonic() < deadline:
            time.sleep(0.02)
        time.sleep(0.2)
        process.send_signal(getattr(signal, how))
        _, said = process.communicate(timeout=20)
    assert out.read_bytes() == b"old" and b"Traceback" not in said
    if how != "SIGKILL":
        assert process.returncode == 1 and said.decode().endswith("Interrupted.\n")
        assert sorted(p.name for p in tmp_path.iterdir()) == ["clip.mp4", "e.json"]


# --- score ----------------------------------------------------------------------------------------------


def test_score_is_the_gradient_of_the_log_density(file, tmp_path, capsys):
    h = 1e-4
    points = tmp_path / "p.csv"
    points.write_text(f"x,y\n0.5,0.25\n{0.5 + h},0.25\n{0.5 - h},0.25\n")
    code, out, _ = here(capsys, "score", file, "--points", points, "--t", "0.3", "0.7")
    rows = [{k: float(v) for k, v in row.items()} for row in csv.DictReader(io.StringIO(out))]
    assert code == 0 and [row["t"] for row in rows] == [0.3] * 3 + [0.7] * 3
    for here_, right, left in (rows[:3], rows[3:]):
        slope = (right["log_density"] - left["log_density"]) / (2 * h)
        assert here_["exact_x"] == pytest.approx(slope, rel=1e-4, abs=1e-4)


def test_score_of_a_network_as_json(model, file, capsys, monkeypatch):
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(b"\xef\xbb\xbf0,1\n\n-1,0\n")))
    code, out, err = here(capsys, "score", file, "--points", "-", "--model", model, "--json")
    (row,) = json.loads(out)
    assert code == 0, err
    assert np.shape(row["exact"]) == np.shape(row["learned"]) == (2, 2) and len(row["log_density"]) == 2


def test_score_in_one_dimension(tmp_path, capsys):
    points = tmp_path / "p.csv"
    points.write_text("0\n1\n")
    (tmp_path / "e.json").write_text('{"data": "two_modes_1d", "score": {"source": "exact"}}')
    code, out, _ = here(capsys, "score", tmp_path / "e.json", "--points", points)
    assert code == 0 and out.splitlines()[0] == "t,x,log_density,exact_x" and len(out.splitlines()) == 3


# --- wrong use ------------------------------------------------------------------------------------------

WRONG = {
    "no such command": (["fly"], "'fly'"),
    "no such option": (["run", "{e}", "--fast"], "--fast"),
    "no experiment": (["run"], "EXPERIMENT.json"),
    "no such file": (["run", "none.json"], "none.json cannot be read"),
    "a folder": (["run", "{dir}"], "cannot be read"),
    "not text": (["run", "{binary}"], "it is not text"),
    "not JSON": (["run", "{broken}"], "line 1, column 2"),
    "deep JSON": (["run", "{deep}"], "nested too deeply"),
    "another file": (["run", "{other}"], "format"),
    "a list": (["run", "{list}"], "JSON object"),
    "unknown field": (["run", "{e}", "--set", "sampler.stepz=3"], "sampler.stepz"),
    "out of range": (["run", "{e}", "--set", "sampler.steps=0"], "sampler.steps must be between 1 and 2000"),
    "not a number": (["run", "{e}", "--set", "sampler.steps=many"], "sampler.steps must be a whole number"),
    "NaN": (["run", "{e}", "--set", "sampler.snr=NaN"], "sampler.snr"),
    "huge number": (["run", "{e}", "--set", "seed=1" + "0" * 400], "seed"),
    "no equals": (["run", "{e}", "--set", "sampler.steps"], "--set takes FIELD=VALUE"),
    "into a number": (["run", "{e}", "--set", "seed.x=1"], "seed has no field 'x'"),
    "unknown SDE": (["run", "{e}", "--set", "sde=vpp"], "sde.type"),
    "crossed": (["run", "{e}", "--set", "sde.beta_min=50"], "beta_min"),
    "bad mixture": (["new", "--set", 'data={{"type": "gaussian_mixture", "means": [[1, "a"]]}}'], "means"),
    "unknown data": (["new", "--distribution", "cube"], "--distribution: there is no 'cube'"),
    "unknown sampler": (["new", "--sampler", "ddpm"], "--sampler: there is no 'ddpm'"),
    "unknown kind": (["list", "cats"], "'cats'"),
    "no folder": (["run", "{e}", "--out", "none/r.npz"], "there is no folder none"),
    "out is a folder": (["run", "{e}", "--out", "{dir}"], "is a folder"),
    "no ending": (["export", "{e}", "--out", "clip"], "the endings are .mp4"),
    "not for stills": (["export", "{e}", "--out", "a.png", "--fps", "3"], "--fps means nothing for png"),
    "too wide": (["export", "{e}", "--out", "a.png", "--width", "99999"], "png.width must be between"),
    "at": (["export", "{e}", "--out", "a.png", "--at", "2"], "--at"),
    "theme": (["export", "{e}", "--out", "a.png", "--theme", "pink"], "--theme"),
    "stdout": (["export", "{e}", "--out", "-"], "--format"),
    "no model": (["run", "{e}", "--set", "score.source=trained"], "--model"),
    "missing model": (["run", "{e}", "--model", "none.safetensors"], "none.safetensors cannot be read"),
    "bad model": (["run", "{e}", "--model", "{binary}"], "cannot be used as a model"),
    "model of 2D": (["run", "{e}", "--model", "{model}", "--set", "data=two_modes_1d"], "--model"),
    "resumed in 1D": (["train", "{e}", "--out", "m", "--from", "{model}", "--set", "data=two_modes_1d"], "--from"),
    "seconds": (["train", "{e}", "--out", "m", "--seconds", "-1"], "--seconds must be"),
    "endless": (["train", "{e}", "--out", "m", "--iterations", "0"], "must not both be 0"),
    "foreign option": (["bench", "--fast"], "--fast"),
    "no such benchmark": (["bench", "nosuch"], "no benchmark is called nosuch"),
    "no such network": (["pretrain", "--only", "nosuch"], "score-explorer: argument --only"),
    "samplers": (["convergence", "{e}", "--samplers", "foo"], "--samplers: no sampler is called 'foo'"),
    "seeds": (["convergence", "{e}", "--seeds", "0"], "--seeds must be between"),
    "figure": (["lab", "space_time", "{e}", "--quick", "--figure", "99"], "there is only figure 1."),
    "data is a folder without images": (["new", "--data", "{dir}"], "holds no images"),
    "device": (["train", "{e}", "--out", "m", "--device", "abacus"], "--device"),
    "no name of data": (["new", "--data", ""], "--data needs the name"),
    "no name of an experiment": (["run", ""], "the name of a file is needed"),
    "no name of points": (["score", "{e}", "--points", ""], "--points: the name of a file is needed"),
    "no name of a column": (["new", "--data", "{two}", "--columns", ""], "--columns names no column"),
    "a sheet of a text": (["new", "--data", "{two}", "--sheet", "a"], "has no parts"),
    "columns of images": (["new", "--data", "{pictures}", "--columns", "x,y"], "holds images"),
    "arrays as a table": (["run", "{e}", "--out", "r.csv"], "end in .npz"),
    "an experiment as an image": (["new", "--out", "e.png"], "end in .json"),
    "a network as arrays": (["train", "{e}", "--out", "m.npz", "--iterations", "1"], "end in .safetensors"),
    "no points": (["score", "{e}", "--points", "none.csv"], "none.csv cannot be read"),
    "empty points": (["score", "{e}", "--points", "{empty}"], "is empty"),
    "words as points": (["score", "{e}", "--points", "{words}"], "line 2"),
    "three columns": (["score", "{e}", "--points", "{three}"], "3 columns, not 2"),
    "binary points": (["score", "{e}", "--points", "{binary}"], "--points: binary is no text"),
    "late": (["score", "{e}", "--points", "{two}", "--t", "3"], "--t must be between 0 and 1"),
    "open": (["open", "none.json"], "none.json"),
}  # fmt: skip


@pytest.fixture
def places(file, model, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    texts = {
        "broken": "{nope", "deep": "[" * 100_000, "other": '{"format": "other"}', "list": "[1, 2]",
        "empty": "", "words": "0,1\n0,one\n", "three": "1,2,3\n", "two": "1,2\n",
    }  # fmt: skip
    for name, text in texts.items():
        (tmp_path / name).write_text(text)
    (tmp_path / "binary").write_bytes(bytes(range(256)))
    (tmp_path / "pictures").mkdir()
    return {name: name for name in (*texts, "binary", "pictures")} | {
        "e": "e.json",
        "dir": str(tmp_path),
        "model": str(model),
    }


@pytest.mark.parametrize("what", WRONG)
def test_wrong_use_is_one_sentence_that_names_the_field(what, places, capsys):
    arguments, named = WRONG[what]
    code, out, err = here(capsys, *(a.format(**places) for a in arguments))
    assert code == 2, err
    assert named in err and "Traceback" not in err and "bug" not in err
    assert out == "" and len(err.splitlines()) == 1 and len(err) < 1500


def test_no_display_is_one_sentence_that_names_the_way_out():
    result = shell()
    assert result.returncode == 1 and result.stdout == ""
    assert "there is no display here" in result.stderr
    assert all(command in result.stderr for command in COMMANDS if command != "open")
    assert len(result.stderr.splitlines()) == 1


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_helps(command, capsys):
    code, out, _ = here(capsys, command, "--help")
    assert code == 0 and out.startswith(f"usage: score-explorer {command}")


def test_help_names_every_command(capsys):
    code, out, _ = here(capsys, "--help")
    assert code == 0 and all(f"  {command} " in out for command in COMMANDS)
    assert here(capsys, "--version")[1].startswith("score-explorer ")


def test_a_closed_pipe_is_no_matter(tmp_path):
    command = f"'{sys.executable}' '{ROOT / 'main.py'}' list --json | head -c 10"
    result = subprocess.run(
        ["sh", "-c", command], capture_output=True, text=True, env=environment(), timeout=60
    )
    assert result.stderr == ""


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs /dev/full")
def test_a_full_stdout_is_one_sentence():
    command = f"'{sys.executable}' '{ROOT / 'main.py'}' list --json > /dev/full"
    result = subprocess.run(
        ["sh", "-c", command], capture_output=True, text=True, env=environment(), timeout=60
    )
    assert result.returncode == 1 and "stdout cannot be written: No space left on device" in result.stderr
    assert "Traceback" not in result.stderr and len(result.stderr.splitlines()) == 1


@pytest.mark.skipif(sys.platform == "win32", reason="closed so by a POSIX shell")
@pytest.mark.parametrize("words", ["list", "list sdes", "new"])
def test_a_closed_stdout_is_one_sentence(words):
    command = f"'{sys.executable}' '{ROOT / 'main.py'}' {words} >&-"
    result = subprocess.run(
        ["sh", "-c", command], capture_output=True, text=True, env=environment(), timeout=60
    )
    assert (
        result.returncode == 1
        and result.stderr == "score-explorer: stdout cannot be written: it is closed.\n"
    )


@pytest.mark.skipif(sys.platform == "win32", reason="folders cannot be locked so")
def test_a_file_that_cannot_be_written_is_one_sentence(file, tmp_path):
    code = (
        "import resource, sys; resource.setrlimit(resource.RLIMIT_FSIZE, (500, 500)); "
        f"sys.path.insert(0, {str(ROOT)!r}); from explorer.cli import main; sys.exit(main(sys.argv[1:]))"
    )
    old = tmp_path / "r.npz"
    old.write_bytes(b"old")
    command = [sys.executable, "-c", code, "run", str(file), "--out", str(old)]
    result = subprocess.run(command, capture_output=True, text=True, env=environment(), timeout=60)
    assert result.returncode == 1 and "r.npz cannot be written: File too large." in result.stderr
    assert old.read_bytes() == b"old" and "Traceback" not in result.stderr
    assert sorted(p.name for p in tmp_path.iterdir()) == ["e.json", "r.npz"]


def test_symbols_and_names_go_out_in_any_locale(tmp_path):
    path = tmp_path / "β 数据.json"
    result = shell("new", "--out", path, LC_ALL="C", PYTHONCOERCECLOCALE="0", PYTHONUTF8="0")
    assert result.returncode == 0, result.stderr
    assert loads(path.read_text(encoding="utf-8"))[0].experiment == Experiment()
    assert "σ_max" in shell("list", "--json", LC_ALL="C", PYTHONCOERCECLOCALE="0", PYTHONUTF8="0").stdout
    missing = shell("run", tmp_path / "失踪.json", LC_ALL="C", PYTHONCOERCECLOCALE="0", PYTHONUTF8="0")
    assert missing.returncode == 2 and "失踪.json cannot be read" in missing.stderr


LOADED = """
import json, sys
sys.path.insert(0, {root!r})
from explorer.cli import main
codes = [main(arguments) for arguments in json.loads(sys.argv[1])]
heavy = {{"PySide6", "shiboken6", "pyqtgraph", "vispy", "qtpy", "torch"}}
print("loaded", sorted(heavy & {{name.partition(".")[0] for name in sys.modules}}), codes, file=sys.stderr)
"""


@pytest.mark.parametrize("light", [True, False], ids=["light", "heavy"])
def test_the_headless_commands_load_no_qt_and_the_light_ones_no_torch(light, file, tmp_path):
    (tmp_path / "p.csv").write_text("0,0\n")
    heavy = [
        ["run", str(file), "--out", str(tmp_path / "r.npz"), "--metrics"],
        ["train", str(file), "--out", str(tmp_path / "m"), "--iterations", "1"],
        ["score", str(file), "--points", str(tmp_path / "p.csv")],
    ]
    commands = [["list", "--json"], ["list"], ["new"]] if light else heavy
    command = [sys.executable, "-c", LOADED.format(root=str(ROOT)), json.dumps(commands)]
    result = subprocess.run(command, capture_output=True, text=True, env=environment(), timeout=60)
    expected = "[]" if light else "['torch']"
    assert result.stderr.splitlines()[-1] == f"loaded {expected} [0, 0, 0]", result.stderr


def test_what_the_manual_shows_is_true(tmp_path, capsys):
    """Its experiment is one, its commands run, and every format and command is in its tables."""
    manual = (ROOT / "docs" / "command-line.md").read_text(encoding="utf-8")
    shown = manual.partition("```json\n")[2].partition("```")[0]
    document, caution = loads(shown)
    assert not caution and document.compare.sampler.mode == "reverse" and document.experiment.data.dim == 2
    listed = json.loads(here(capsys, "list", "--json")[1])
    assert all(f"`{entry['suffix']}`" in manual for entry in listed["file_formats"].values())
    assert all(f"| `{command}" in manual for command in COMMANDS)
    assert here(capsys, "new", "--distribution", "checkerboard", "--sde", "vp", "--sampler", "heun")[0] == 0
