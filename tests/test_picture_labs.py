"""Laboratories on pictures: every one runs on digits and on colour pictures, with closed forms where there are any."""

import json
import math
from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest
import torch
from PIL import Image
from test_labs import alike, check

from explorer.analysis.likelihood import bits_per_dim
from explorer.base.params import ParamError
from explorer.cli import main as command_line
from explorer.data.images import DATA, from_pixels
from explorer.data.images.brush import distance, example, painted
from explorer.diffusion.samplers import PREDICTORS, SOLVERS, Sampler
from explorer.diffusion.sdedit import noised, returned, times_below
from explorer.diffusion.sdes import SDES
from explorer.diffusion.simulate import simulate
from explorer.experiment.codec import decode, encode
from explorer.experiment.defaults import with_data
from explorer.experiment.resolution import resolve
from explorer.experiment.schema import Experiment, ScoreSource
from explorer.figures.figure import Picture, Table
from explorer.labs import LABS, Context
from explorer.labs.denoising_trajectory import _Way
from explorer.networks.spec import UNetSpec

OURS = [name for name in LABS if LABS[name].section == "pictures"]
TINY = UNetSpec(width=16, depth=1, waves=1)


def pictures(data, sde="vp", source="exact", **sampler):
    e = with_data(Experiment(sde=SDES[sde]()), DATA[data]())
    score = replace(e.score, source=source, unet=replace(TINY, classes=e.score.unet.classes))
    return replace(e, score=score, sampler=replace(e.sampler, **{"particles": 3, "steps": 4} | sampler))


EXPERIMENTS = {
    "digits": pictures("mnist"),
    "network": pictures("mnist", source="trained"),  # untrained: the best linear denoiser
    "colour": pictures("twemoji", "ve"),
}


@pytest.fixture(scope="module")
def contexts():
    return {name: Context(e, resolve(e)) for name, e in EXPERIMENTS.items()}


RAN = {}


def reports_of(contexts, name, kind):
    if (name, kind) not in RAN:
        lab = LABS[name].quick()
        RAN[name, kind] = list(lab.reports(lab.looks_at(contexts[kind])))
    return RAN[name, kind]


def table(report):
    (found,) = (f for f in report.figures if isinstance(f, Table))
    return {row[0]: row[1:] for row in found.rows}


def titled(report, title):
    return next(f for f in report.figures if f.title.startswith(title))


@pytest.mark.parametrize("kind", EXPERIMENTS)
@pytest.mark.parametrize("name", OURS)
def test_it_runs_to_its_end(contexts, name, kind):
    assert not LABS[name].quick().refusal(EXPERIMENTS[kind])
    reports = reports_of(contexts, name, kind)
    progress = [r.progress for r in reports]
    assert progress == sorted(progress) and progress[-1] == 1
    last = reports[-1]
    assert last.words.strip().endswith(".") and any(isinstance(f, Picture) for f in last.figures)
    for report in reports:
        for figure in report.figures:
            check(figure, report is last)
    assert all(np.asarray(a).size for a in last.arrays.values())


@pytest.mark.parametrize("name", OURS)
def test_it_follows_from_the_seed(contexts, name):
    one = reports_of(contexts, name, "network")[-1]
    lab = LABS[name].quick()
    *_, two = lab.reports(lab.looks_at(contexts["network"]))
    assert all(alike(a, b) for a, b in zip(one.figures, two.figures, strict=True))


def test_each_kind_of_data_has_its_laboratories():
    digits, points = EXPERIMENTS["digits"], Experiment()
    both = {"schedules", "snr"}
    for name, cls in LABS.items():
        if name in OURS:
            assert "MNIST" in cls().refusal(points) and cls.title in cls().refusal(points)
        elif name not in both:
            assert "eight Gaussians" in cls().refusal(digits)
        else:
            assert not cls().refusal(digits) and not cls().refusal(points)


# --- one picture's way -------------------------------------------------------------------------------------------


def test_the_film_is_of_the_sheets_own_noise(contexts):
    context = contexts["digits"]
    e = context.experiment
    lab = LABS["film"](picture=2, columns=4, steps=5)
    *_, last = lab.reports(context)
    for mode, steps in (("reverse", 5), ("ode", 4), ("pc", 5)):  # the ODE takes the sampler's own steps
        sampler = replace(e.sampler, mode=mode, steps=steps)
        *_, frame = simulate(e.sde, sampler, context.resolved.score, e.target, e.seed)
        assert np.array_equal(last.arrays[f"{mode}_end"], frame.x[1]), mode
    assert len(titled(last, "Probability").marks) == 4 * 3 * 2 + 3  # pictures, numbers, names of the rows


def test_the_film_has_the_score_of_each_of_its_moments(contexts):
    """Also where nothing was asked between them: frames then share their count of evaluations."""
    context = contexts["digits"]
    e = context.experiment
    sampler = replace(e.sampler, mode="pc", predictor=PREDICTORS["none"](), steps=4)
    way = _Way(LABS["film"](picture=1, columns=5), context)
    way.frames += list(simulate(e.sde, sampler, context.resolved.score, e.target, e.seed))
    assert len({f.nfe for f in way.frames}) < len(way.frames)
    _, _, found = way.states(way.frames)
    for frame, s in zip(way.frames, found, strict=True):
        asked = context.resolved.score(torch.from_numpy(frame.x[:1]), max(frame.t, 1e-5))
        np.testing.assert_allclose(s, frame.sigma * asked[0].numpy(), rtol=1e-4, atol=1e-4)


# --- between two -------------------------------------------------------------------------------------------------


def test_two_pictures_come_back_and_the_ends_are_the_ends(contexts):
    context = contexts["network"]
    held = from_pixels(context.experiment.data.held_out.images[[0, 4]])
    lab = LABS["picture_codes"](first=1, second=5, places=3, steps=30, place=1.0)
    *_, last = lab.reports(context)
    assert np.allclose(last.arrays["pixels"][[0, 2]], held) and np.allclose(last.arrays["pixels"][3], held[1])
    assert np.allclose(last.arrays["pixels"][1], held.mean(0), atol=1e-6)
    assert (last.arrays["lost"] < 4 / 127.5).all()  # half a level of noise and the solver's error
    for way in ("linear", "spherical"):
        assert np.allclose(last.arrays[way][3], last.arrays[way][2], atol=1e-6)
        assert np.abs(last.arrays[way][[0, 2]] - held).mean() < 4 / 127.5
    rows = table(last)
    assert 0.7 < rows["first"][1] < 1.3  # in units of the prior's standard deviation


def test_a_picture_of_the_sheet_can_be_an_end(contexts):
    context = contexts["network"]
    e = context.experiment
    *_, frame = simulate(e.sde, e.sampler, context.resolved.score, e.target, e.seed)
    *_, last = LABS["picture_codes"](source_0="sheet", first=3, places=3, steps=2).reports(context)
    assert np.allclose(last.arrays["pixels"][0], frame.x[2], atol=1e-6)


# --- bits --------------------------------------------------------------------------------------------------------


def test_the_bits_are_those_of_the_library(contexts):
    context = contexts["network"]
    lab = LABS["picture_bits"](picture=3, probes=2, steps=4)
    *_, last = lab.reports(context)
    images = last.arrays["pictures"]
    e = context.experiment
    assert np.array_equal(images[0], e.data.held_out.images[2]) and (images[2] == 255 - images[0]).all()
    found = bits_per_dim(context.resolved.score, e.sde, images, probes=2, steps=4, seed=e.seed)
    assert np.allclose(last.arrays["each"], found.each)
    rows = table(last)
    assert rows["black"][0] == pytest.approx(found.values[3]) and rows["black"][1] == pytest.approx(
        found.errors[3]
    )
    for value, _, *parts in rows.values():
        assert value == pytest.approx(sum(parts))
    assert list(rows)[1] == "Fashion-MNIST" and rows["noise"][0] > rows["black"][0]


# --- drawing -----------------------------------------------------------------------------------------------------


def test_a_stroke_is_soft_and_can_be_rubbed_out():
    empty = np.zeros((28, 28), np.uint8)
    line = np.array([[5.0, 14.0], [20.0, 14.0]])
    levels = painted(empty, line, 1.5)
    away = distance(np.array([[10.0, 16.0], [3.0, 14.0], [10.0, 14.0]]), line)
    assert np.allclose(away, [2, 2, 0])
    column = levels[:, 12].astype(int)
    assert column[13] == column[14] == 255 and 0 < column[12] < 255 and column[11] == 0 and column[16] == 0
    assert (painted(levels, line, 1.5)[13, 5:20] == 255).all()  # drawing it twice changes no full pixel
    assert painted(levels, line, 3.0, erase=True).max() == 0
    digit = example(28, 28) / 255
    mnist = DATA["mnist"]().train.images[:500, 0] / 255
    ink = digit.mean()
    assert np.quantile(mnist.mean((1, 2)), 0.02) < ink < np.quantile(mnist.mean((1, 2)), 0.98)
    grey = ((digit > 0.05) & (digit < 0.95)).sum() / (digit > 0.05).sum()
    own = ((mnist > 0.05) & (mnist < 0.95)).sum() / (mnist > 0.05).sum()
    assert abs(grey - own) < 0.25  # as soft as the data


def test_noising_has_the_law_of_the_sde():
    sde, x0 = SDES["vp"](), torch.linspace(-1, 1, 784)[None]
    x = noised(sde, x0, 0.4, 200, 0)
    alpha, sigma = sde.marginal(0.4)
    z = (x - alpha * x0) / sigma
    assert abs(float(z.mean())) < 4 / math.sqrt(z.numel()) and float(z.std()) == pytest.approx(1, abs=0.01)


SPREAD = 0.5


def gaussian(sde):
    def score(x, t):
        alpha, sigma = sde.marginal(t)
        return -x / (alpha**2 * SPREAD**2 + sigma**2)

    return score


@pytest.mark.parametrize("solver", ["heun", "dpm_solver_pp_2m", "dopri5"])
def test_the_ode_takes_a_gaussian_back_as_the_closed_form(solver):
    sde = SDES["vp"]()
    sampler = Sampler(mode="ode", solver=SOLVERS[solver](), steps=60, grid="edm")
    x = torch.linspace(-2, 2, 100)[None].double()
    *_, last = returned(sde, gaussian(sde), sampler, x, 0.5, 0)
    sizes = [math.hypot(alpha * SPREAD, sigma) for alpha, sigma in (sde.marginal(0.5), sde.marginal(sde.eps))]
    assert last.t == pytest.approx(sde.eps)
    assert torch.allclose(last.x, x * sizes[1] / sizes[0], atol=5e-3)


def test_the_sde_takes_a_gaussian_back_to_the_posterior():
    sde = SDES["vp"]()
    x0 = torch.full((1, 784), 0.8)
    start = noised(sde, x0, 0.5, 100, 0)
    sampler = Sampler(mode="reverse", steps=150, grid="edm", denoise=False)
    *_, last = returned(sde, gaussian(sde), sampler, start, 0.5, 0)
    alpha, sigma = sde.marginal(0.5)
    k = alpha * SPREAD**2 / (alpha**2 * SPREAD**2 + sigma**2)
    variance = k**2 * sigma**2 + SPREAD**2 * sigma**2 / (alpha**2 * SPREAD**2 + sigma**2)
    assert float(last.x.mean()) == pytest.approx(k * alpha * 0.8, abs=0.01)
    assert float(last.x.std()) == pytest.approx(math.sqrt(variance), rel=0.04)


@pytest.mark.parametrize("sde", SDES)
@pytest.mark.parametrize("strength", [0.05, 1.5, 8.0])
def test_the_times_of_a_return(sde, strength):
    process = SDES[sde]()
    t0 = process.time_at(strength)
    times = times_below("edm", 7, process, t0)
    assert times[0] == t0 and times[-1] == process.eps and all(a > b for a, b in pairwise(times))
    assert len(times) == 8


def test_little_noise_keeps_a_drawing_and_much_does_not(contexts):
    context = contexts["network"]
    away = []
    for strength in (0.05, 20.0):
        lab = LABS["drawing"](strength=strength, returns=2, steps=6, likelihood_steps=2, mode="ode")
        *_, last = lab.reports(context)
        x0 = from_pixels(last.arrays["drawing"][None, None])
        away.append(float(np.abs(last.arrays["returns"] - x0).mean()))
    assert away[0] < 0.05 < 0.1 < away[1]


def test_a_drawing_is_kept_in_files_and_bad_ones_are_refused(contexts):
    cls = LABS["drawing"]
    mine = cls(drawing=np.arange(784) % 256)
    back = decode(cls, json.loads(json.dumps(encode(mine))), "lab")
    assert back == mine and hash(back) == hash(mine)
    assert (mine.picture(DATA["mnist"]()).ravel() == np.arange(784) % 256).all()
    assert mine.picture(DATA["twemoji"]()).shape == (32, 32)  # of another size: the example
    for wrong in ((300,), (-1,), (0.5,), ("x",), (math.nan,)):
        with pytest.raises(ParamError, match="grey levels"):
            cls(drawing=wrong)
    blank = cls(drawing=(0,) * 784, returns=1, steps=1, likelihood_steps=2)
    *_, last = blank.reports(contexts["network"])
    assert "Nothing is drawn" in last.words


# --- copies ------------------------------------------------------------------------------------------------------


def test_the_exact_score_remembers_and_is_found_out():
    e = pictures("mnist", particles=6, steps=20)
    *_, last = LABS["nearest"](held=50, shown=4).reports(Context(e, resolve(e)))
    rows = table(last)
    copied = next(values for name, values in rows.items() if name.startswith("copies"))
    assert copied[0] == 1.0 and copied[1] < 0.1 and "Of 6 pictures 6 are copies" in last.words
    assert (last.arrays["distance"][:, 0] < 0.02).all()
    assert (last.arrays["rows"][:, 0] < 2000).all()  # the mixture is made of the first ones


def test_a_network_that_learned_nothing_copies_nothing(contexts):
    last = reports_of(contexts, "nearest", "network")[-1]
    copied = next(values for name, values in table(last).items() if name.startswith("copies"))
    assert copied[0] == 0.0


# --- snr ---------------------------------------------------------------------------------------------------------


def test_too_large_an_snr_is_warned_of(contexts):
    lab = LABS["picture_snr"](snr=3.0, steps=8, corrections=3, pictures=1)
    *_, last = lab.reports(contexts["network"])
    rows = table(last)
    assert (
        rows["predictor"][-1] == ""
        and rows["snr 3"][-1] == "too large"
        and "Too large here: snr =" in last.words
    )
    assert rows["snr 0.16"][2] == 8 * 4 and rows["predictor"][2] == 8
    assert rows["snr 0.05"][-1] == ""


# --- the shell ---------------------------------------------------------------------------------------------------


@pytest.fixture
def file(tmp_path):
    path = tmp_path / "e.json"
    path.write_text(json.dumps({"data": "mnist", "score": {"source": "exact"}}))
    return path


def run(capsys, *argv):
    code = command_line(["likelihood", *map(str, argv)])
    printed = capsys.readouterr()
    return code, printed.out, printed.err


def test_bits_from_the_shell(file, capsys):
    code, out, _ = run(capsys, file, "--samples", 2, "--steps", 3, "--probes", 2, "--json", "--check")
    found = json.loads(out)
    assert code == 0 and found["pictures"] == 2 and found["nfe"] == 12 and found["doubled"]["steps"] == 6
    e = Experiment(data=DATA["mnist"](), score=ScoreSource("exact"))
    own = bits_per_dim(resolve(e).score, e.sde, e.data.held_out.images[:2], probes=2, steps=3)
    assert found["bits_per_dim"] == pytest.approx(own.mean) and found["standard_error"] == pytest.approx(
        own.error
    )
    assert [row["bits_per_dim"] for row in found["rows"]] == pytest.approx(own.values)


def test_bits_of_a_file(file, tmp_path, capsys):
    picture = tmp_path / "three.png"
    Image.fromarray(example(28, 28)).save(picture)
    code, out, _ = run(capsys, file, "--image", picture, "--steps", 2)
    e = Experiment(data=DATA["mnist"](), score=ScoreSource("exact"))
    own = bits_per_dim(resolve(e).score, e.sde, example(28, 28)[None, None], steps=2)
    assert code == 0 and f"three.png: {own.mean:.4f}" in out


@pytest.mark.parametrize(
    "argv, said",
    [
        (("--points", "p.csv"), "--points is for points"),
        (("--t", "0.5"), "--t is for points"),
        (("--divergence", "exact"), "for points"),
        (("--samples", "10000000"), "--samples"),
        (("--steps", "0", "--check"), "--check"),
        (("--image", "no_such.png"), "no_such.png"),
    ],
)
def test_wrong_use_of_pictures_is_one_sentence(file, capsys, argv, said):
    code, _, err = run(capsys, file, *argv)
    lines = [line for line in err.splitlines() if line.startswith("score-explorer")]
    assert code in (1, 2) and len(lines) == 1 and said in lines[0], err


def test_points_take_no_files_of_pictures(tmp_path, capsys):
    path = tmp_path / "p.json"
    path.write_text("{}")
    code, _, err = run(capsys, path, "--image", "a.png")
    assert code == 2 and "for pictures" in err
