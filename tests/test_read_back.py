"""Every table that the program writes is read back as the points in it, whatever they are called; or it is refused."""

from dataclasses import replace

import numpy as np
import pytest
from test_cli import here
from test_export import experiment, replay_for

from explorer.cli.labs import make_lab
from explorer.data.distributions.points import Points
from explorer.data.distributions.units import header
from explorer.data.imports import DataFileError, all_points, look, take
from explorer.export import EXPORTERS
from explorer.figures.figure import Table
from explorer.figures.files import Source, csv_text
from explorer.labs import LABS
from explorer.ui.dialogs.exporting import QtRenderer

TWO = [
    ("x", "y"), ("y", "x"), ("time", "x"), ("t", "x"), ("T", "x"), ("frame", "t"), ("Frame", "Particle"),
    ("stage", "x"),
    ("height", "weight"), ("id", "index"), ("class", "label"), ("a,b", 'c"d'), ("x [m]", "y [m]"), ("1", "2"),
    ("mean", "total"), ("#a", "b"), ("x\ny", "z"), ("NA", "nan"), ("log_density", "t"), ("exact", "found"), ("α", ""),
]  # fmt: skip
ONE = [
    ("x",),
    ("t",),
    ("time",),
    ("T",),
    ("id",),
    ("Particle",),
    ("label",),
    ("x,y",),
    ("1",),
    ("log_density",),
]


def own(names):
    d = len(names)
    points = np.random.default_rng(0).normal(size=(30, d))
    return Points(points=points, columns=names, shift=(100.0, -3.0)[:d], scale=(7.0, 0.2)[:d], file="f.csv")


@pytest.mark.parametrize("stages", [1, 2])
@pytest.mark.parametrize("names", [*TWO, *ONE], ids=repr)
def test_a_run_is_read_back(names, stages, tmp_path):
    e = replace(experiment(sampler__steps=2), data=own(names))
    shown, path = replay_for(*[e] * stages), tmp_path / "run.csv"
    for _ in EXPORTERS["csv"]().write(shown, path, QtRenderer()):
        pass
    due = e.data.units.to_file(shown.tracks[0].recording[-1].x)
    found = look(path)
    assert np.allclose(all_points(found), due, rtol=1e-6)
    assert found.by_name and len(take(found).points) == len(due) and not take(found).classes


@pytest.mark.parametrize("command", ["score", "likelihood"])
@pytest.mark.parametrize(
    "names", [("x", "y"), ("t", "x"), ("exact", "log_density"), ("height", "weight"), ("t",), ("error",)]
)
def test_what_is_measured_at_points_is_read_back(command, names, tmp_path, capsys):
    rows = np.random.default_rng(1).normal(50, 20, (40, len(names)))
    table = tmp_path / "p.csv"
    table.write_text(header(names) + "".join(",".join(f"{v:.6f}" for v in row) + "\n" for row in rows))
    chosen = ["--columns", ",".join(names)]
    assert here(capsys, "new", "--data", table, *chosen, "--out", tmp_path / "e.json")[0] == 0
    code, out, err = here(
        capsys, command, tmp_path / "e.json", "--points", table, *chosen, "--set", "score.source=exact"
    )
    assert code == 0, err
    (tmp_path / "out.csv").write_text(out)
    found = look(tmp_path / "out.csv")
    assert np.allclose(all_points(found), rows, atol=1e-5) and found.by_name


def test_points_are_taken_from_a_run_of_which_columns_have_names_of_their_own(tmp_path, capsys):
    table, e = tmp_path / "p.csv", tmp_path / "e.json"
    rows = np.random.default_rng(2).normal(size=(30, 2))
    table.write_text("height,weight\n" + "".join(f"{a:.6f},{b:.6f}\n" for a, b in rows))
    small = ("--set", "sampler.particles=20", "--set", "sampler.steps=2", "--set", "score.source=exact")
    assert here(capsys, "new", "--data", table, *small, "--out", e)[0] == 0
    assert here(capsys, "export", e, "--out", tmp_path / "run.csv")[0] == 0
    code, out, err = here(capsys, "score", e, "--points", tmp_path / "run.csv")
    assert code == 0 and len(out.splitlines()) == 21, err


def test_a_run_on_images_is_no_table_of_points(tmp_path):
    names = ["frame", "t", "particle", *(f"x{i}" for i in range(1, 17))]
    rows = [",".join(map(str, (0, 1.0, k, *range(16)))) for k in range(5)]
    path = tmp_path / "run.csv"
    path.write_text("\n".join([",".join(names), *rows]))
    with pytest.raises(DataFileError, match="images"):
        look(path)


def test_of_several_tables_the_first_is_taken(tmp_path):
    first = Table("One", ("", "x", "y"), tuple((f"a{i}", float(i), float(i * i)) for i in range(4)))
    longer = Table("Two", ("", "value"), tuple((f"b{i}", i / 3) for i in range(20)))
    path = tmp_path / "t.csv"
    path.write_text(csv_text([first, longer], Source("Lab", "of a test")))
    found = look(path)
    assert np.array_equal(all_points(found), [(i, i * i) for i in range(4)])
    assert any("first of several" in said for said in take(look(path)).sentence.split("; ")) or any(
        "first of several" in r for r in found.remarks
    )


@pytest.mark.parametrize("name", ["snr", "schedules", "convergence", "dsm_sigma"])
def test_tables_of_laboratories_are_read(name, tmp_path, capsys):
    e, out = tmp_path / "e.json", tmp_path / "lab.csv"
    assert here(capsys, "new", "--set", "sampler.particles=50", "--out", e)[0] == 0
    assert make_lab(LABS[name], {}, quick=True) is not None
    assert here(capsys, "lab", name, e, "--quick", "--out", out)[0] == 0
    found = look(out)
    due = next(line for line in out.read_text().splitlines() if not line.startswith("#"))
    assert due.split(",")[0] in found.columns[0].name and len(found.proposal.columns) == 2
