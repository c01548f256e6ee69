"""Own data in the units of its file, its held-out points, and more support points than the built-in data has."""

import json
from dataclasses import replace

import numpy as np
import pytest
import torch

from explorer.analysis.likelihood import Estimate, Measured
from explorer.cli import main as command_line
from explorer.cli.likelihood import in_units as likelihood_in_units
from explorer.cli.score import evaluated, in_units
from explorer.data.distributions import Mixture
from explorer.data.distributions.points import MOST, MOST_HELD_OUT, USUAL, Points
from explorer.data.distributions.units import Units
from explorer.data.imports import Choice, DataFileError, look, read_points, take
from explorer.data.imports.base import jitter_for
from explorer.diffusion.sdes import SDES
from explorer.experiment.codec import edited
from explorer.experiment.migrations import from_dict, to_dict
from explorer.experiment.schema import Experiment
from explorer.experiment.training import training_of
from explorer.training.batches import Sampling
from explorer.training.held import HeldOut
from explorer.training.objectives import OBJECTIVES

RNG = np.random.default_rng(5)
CLOUD = np.array([170.0, -3.0]) + np.array([8.0, 0.2]) * RNG.standard_normal((300, 2))


@pytest.fixture
def table(tmp_path):
    """A table of two columns of very unlike scales, one of them with a comma in its name."""
    path = tmp_path / "measured.csv"
    rows = "\n".join(f"{a:.9g},{b:.9g}" for a, b in CLOUD)
    path.write_text(f'height,"weight, kg"\n{rows}\n')
    return path


def many(tmp_path, n, columns=2):
    path = tmp_path / "many.npy"
    np.save(path, np.random.default_rng(1).standard_normal((n, columns)))
    return path


# --- what the data keeps of its file ------------------------------------------------------------------------


@pytest.mark.parametrize("per_axis", [False, True])
def test_the_data_knows_its_file(table, per_axis):
    got = take(look(table), Choice(("height", "weight, kg"), per_axis=per_axis))
    data = got.distribution()
    assert data.title == data.file == "measured.csv" and data.units.columns == ("height", "weight, kg")
    assert np.allclose(data.units.to_file(np.array(data.points)), CLOUD, rtol=1e-7)
    assert np.allclose(data.units.to_standard(CLOUD), np.array(data.points), atol=1e-6)
    e = replace(Experiment(), data=data)
    back = from_dict(json.loads(json.dumps(to_dict(e))))[0]
    assert back == e and back.data.title == "measured.csv" and back.data.units == data.units


def test_data_without_a_file_has_the_standard_units_and_its_usual_name():
    data = Points(points=[[0, 1], [1, 0]])
    assert data.units is None and data.held_out_points is None and data.title == Points.title


def test_files_from_before_open():
    old = {"data": {"type": "points", "points": [[0, 1], [2, 3]], "jitter": 0.1, "labels": [], "note": "old"}}
    data = from_dict({"format": "score-explorer", "version": 1, **old})[0].data
    assert data.points == ((0.0, 1.0), (2.0, 3.0)) and data.units is None


# --- how many points, and which are held out ------------------------------------------------------------------


@pytest.mark.parametrize("n", [50, USUAL, USUAL + 500, 30_000])
def test_so_many_are_kept_and_a_tenth_is_held_out_where_there_are_more(tmp_path, n):
    got = read_points(many(tmp_path, n))
    spare = n > USUAL
    assert len(got.points) == (min(USUAL, n - round(0.1 * n)) if spare else n)
    assert len(got.held_out) == (min(round(0.1 * n), MOST_HELD_OUT) if spare else 0)


@pytest.mark.parametrize(("count", "share"), [(100, 0.0), (100, 0.3), (5000, 0.2), (MOST, None)])
def test_both_may_be_chosen(tmp_path, count, share):
    n = 4000
    got = take(look(many(tmp_path, n)), Choice(("1", "2"), count=count, held_out=share))
    held = round((share or 0) * n)
    assert len(got.points) == min(count, n - held) and len(got.held_out) == min(held, MOST_HELD_OUT)
    rows = {tuple(row) for row in np.round(got.original(got.points), 9).tolist()}
    others = {tuple(row) for row in np.round(got.original(got.held_out), 9).tolist()}
    assert not rows & others and len(others) == len(got.held_out)


@pytest.mark.parametrize("choice", [{"count": 1}, {"count": MOST + 1}, {"held_out": 0.6}, {"held_out": -0.1}])
def test_what_is_out_of_range_is_refused(tmp_path, choice):
    with pytest.raises(DataFileError, match="must be"):
        take(look(many(tmp_path, 10)), Choice(("1", "2"), **choice))


def test_the_held_out_points_are_no_head_of_a_sorted_file(tmp_path):
    np.save(tmp_path / "a.npy", np.sort(np.random.default_rng(0).random((50_000, 1)), axis=0))
    got = read_points(tmp_path / "a.npy")
    held = got.original(got.held_out)
    assert held.mean() == pytest.approx(0.5, abs=0.04) and held.std() == pytest.approx(12**-0.5, abs=0.02)


@pytest.mark.parametrize("dim", [1, 2])
def test_the_jitter_of_many_points_is_that_of_all_their_neighbours(dim):
    points = np.random.default_rng(0).standard_normal((6000, dim)) * 20
    distance = np.sort(np.sqrt(((points[::3, None] - points[None]) ** 2).sum(-1)), axis=1)[:, 3]
    assert jitter_for(points) == pytest.approx(np.clip(0.7 * np.median(distance), 0.02, 0.15), rel=1e-12)


# --- the validation loss ---------------------------------------------------------------------------------------


class Exact:
    """The score of N(0, v I), in place of a network."""

    def __init__(self, v):
        self.v = v

    def score(self, x, alpha, sigma, t, labels=None):
        return -x / (alpha[..., None] ** 2 * self.v + sigma[..., None] ** 2)


def test_the_validation_loss_is_that_on_the_held_out_points():
    """For s(x) = -x / (v + sigma²), alpha 1: E|sigma s + z|² = (sigma² |x0|² + d v²) / (v + sigma²)²."""
    v, far = 0.04, np.array([[3.0, 4.0]])
    mixture = Mixture.of_points(np.zeros((1, 2)), v**0.5)
    sampling = Sampling(
        OBJECTIVES["dsm"](), SDES["ve"](), False, mixture.rms, torch.Generator().manual_seed(0)
    )
    held = HeldOut(mixture, sampling, 0, far)
    held.measure(Exact(v))
    s, w = held.validation[0].sigma, held.validation[0].weight
    expected = float((w * (s**2 * 25 + 2 * v**2) / (v + s**2) ** 2).mean())
    assert held.validated and held.loss == pytest.approx(expected, rel=0.05)
    assert held.excess == pytest.approx(0, abs=1e-4 * held.scale) and held.floor < 0.2 * held.loss


@pytest.mark.parametrize("objective", list(OBJECTIVES))
def test_every_objective_is_validated_on_held_out_points(objective):
    points = np.random.default_rng(0).standard_normal((20, 2))
    data = Points(points=points, held_out=points[:7] + 2.0)
    e = replace(edited(Experiment(), "score.objective", objective), data=data)
    training = replace(e.score.training, seconds=0.0, iterations=3, batch=64, device="cpu")
    small = replace(e.score.network, width=16, depth=1)
    e = replace(e, score=replace(e.score, training=training, network=small))
    *_, last = training_of(e)
    *_, without = training_of(replace(e, data=replace(data, held_out=())))
    assert last.validated and np.isfinite(last.held) and not without.validated
    assert without.held == pytest.approx(without.floor + without.excess)
    assert last.floor == pytest.approx(without.floor) and last.held != pytest.approx(without.held, rel=1e-3)


# --- densities and scores ----------------------------------------------------------------------------------------


@pytest.fixture
def experiment(table):
    data = take(look(table), Choice(("height", "weight, kg"), per_axis=True)).distribution()
    return edited(replace(Experiment(), data=data), "score.source", "exact")


def test_the_density_in_the_units_of_the_file_integrates_to_one(experiment):
    units = experiment.data.units
    x, y = np.linspace(110, 230, 301), np.linspace(-4.5, -1.5, 301)
    grid = np.stack(np.meshgrid(x, y), axis=-1).reshape(-1, 2)
    row = in_units(evaluated(experiment, None, units.to_standard(grid), 0.3), units)
    area = (x[1] - x[0]) * (y[1] - y[0])
    assert np.exp(row["log_density"]).sum() * area == pytest.approx(1, abs=2e-3)


def test_the_score_in_the_units_of_the_file_is_the_slope_of_the_density(experiment):
    units, h = experiment.data.units, np.diag([1e-4, 1e-6])
    at = CLOUD[:5]
    logs = [
        [in_units(evaluated(experiment, None, units.to_standard(at + sign * step), 0.2), units)["log_density"]
         for sign in (1, -1)] for step in h
    ]  # fmt: skip
    slope = np.stack(
        [
            (np.array(up) - np.array(down)) / (2 * step.sum())
            for (up, down), step in zip(logs, h, strict=True)
        ],
        1,
    )
    row = in_units(evaluated(experiment, None, units.to_standard(at), 0.2), units)
    assert np.allclose(row["exact"], slope, rtol=1e-4, atol=1e-4)


def test_the_likelihood_of_a_normal_law_is_that_of_its_units():
    """Of N(3, 2²): the standard normal's, moved and scaled."""
    units = Units(("a",), (3.0,), (2.0,))
    x = torch.linspace(-2, 2, 5, dtype=torch.float64)
    plain = -0.5 * x**2 - 0.5 * np.log(2 * np.pi)
    m = Measured(Estimate(plain[:, None], x[:, None], 1), plain.numpy(), np.zeros(5))
    moved = likelihood_in_units(m, units)
    y = units.to_file(x[:, None].numpy())[:, 0]
    due = -0.5 * ((y - 3) / 2) ** 2 - np.log(2 * np.sqrt(2 * np.pi))
    assert np.allclose(moved.truth, due) and np.allclose(moved.estimate.values.numpy(), due)
    assert np.allclose(moved.error, m.error)


# --- files and commands ------------------------------------------------------------------------------------------


@pytest.fixture
def saved(experiment, tmp_path):
    e = edited(edited(experiment, "sampler.particles", 12), "sampler.steps", 4)
    path = tmp_path / "e.json"
    path.write_text(json.dumps(to_dict(e)))
    return path


@pytest.mark.parametrize("command", ["run", "export"])
def test_arrays_come_in_both_units(saved, tmp_path, command, capsys):
    for units in ("file", "standard"):
        out = str(tmp_path / f"{units}.npz")
        assert command_line([command, str(saved), "--out", out, "--units", units]) == 0
    own, plain = (np.load(tmp_path / f"{units}.npz") for units in ("file", "standard"))
    assert np.allclose(own["x"], plain["x"] * own["scale"] + own["shift"], rtol=1e-12)
    assert list(own["columns"]) == ["height", "weight, kg"] and "scale" not in plain
    assert np.abs(own["x"][-1].mean(0) - [170, -3]) == pytest.approx([0, 0], abs=15)
    read = read_points(tmp_path / "file.npz")
    assert np.allclose(np.sort(read.original(read.points), 0), np.sort(own["x"][-1], 0))


def test_tables_come_in_both_units_and_are_read_back(saved, tmp_path, capsys):
    for units in ("file", "standard"):
        assert (
            command_line(["export", str(saved), "--out", str(tmp_path / f"{units}.csv"), "--units", units])
            == 0
        )
    said, head = (tmp_path / "file.csv").read_text().splitlines()[:2]
    assert said.startswith("# ") and head == 'frame,t,particle,height,"weight, kg"'
    assert "\nframe,t,particle,x,y\n" in (tmp_path / "standard.csv").read_text()
    read, plain = (look(tmp_path / f"{units}.csv") for units in ("file", "standard"))
    assert read.proposal.columns == ("height", "weight, kg") and plain.proposal.columns == ("x", "y")
    own, there = take(read), take(plain)
    units = from_dict(json.loads(saved.read_text()))[0].data.units
    assert np.allclose(own.original(own.points), units.to_file(there.original(there.points)), rtol=1e-6)


@pytest.mark.parametrize("command", ["score", "likelihood"])
def test_points_are_asked_about_in_both_units(saved, tmp_path, command, capsys):
    units = from_dict(json.loads(saved.read_text()))[0].data.units
    answers = {}
    for name, points in (("file", CLOUD[:3]), ("standard", units.to_standard(CLOUD[:3]))):
        np.save(tmp_path / "q.npy", points)
        wanted = [command, str(saved), "--points", str(tmp_path / "q.npy"), "--units", name, "--json"]
        assert command_line(wanted) == 0
        answers[name] = json.loads(capsys.readouterr().out)
    if command == "score":
        own, plain = (np.array(answers[name][0]["log_density"]) for name in ("file", "standard"))
        slopes = [np.array(answers[name][0]["exact"]) for name in ("file", "standard")]
        assert np.allclose(slopes[0] * units.scale, slopes[1], rtol=1e-4)
    else:
        own, plain = (
            np.array([row["found"] for row in answers[name]["rows"]]) for name in ("file", "standard")
        )
        assert np.allclose([row["weight, kg"] for row in answers["file"]["rows"]], CLOUD[:3, 1])
    assert np.allclose(own, plain - np.log(units.scale).sum(), atol=1e-4)


def test_the_command_takes_count_and_share(tmp_path, capsys):
    out = tmp_path / "e.json"
    table = str(many(tmp_path, 3000))
    assert (
        command_line(["new", "--data", table, "--count", "400", "--held-out", "0.25", "--out", str(out)]) == 0
    )
    data = json.loads(out.read_text())["data"]
    assert len(data["points"]) == 400 and len(data["held_out"]) == 750 and data["file"] == "many.npy"
    assert command_line(["new", "--data", table, "--count", str(MOST + 1)]) != 0
