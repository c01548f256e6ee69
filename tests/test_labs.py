"""Every laboratory, headless: it runs to its end on data in the plane and on the line, its figures hold finite
numbers, two runs are the same, and where it refuses it says why. And the figures as files."""

import csv
import io
import json
import math
import re
from dataclasses import fields, replace

import numpy as np
import pytest

from explorer.base.params import params
from explorer.cli import main as command_line
from explorer.data.distributions import DISTRIBUTIONS
from explorer.diffusion.samplers import Sampler
from explorer.diffusion.sdes import SDES
from explorer.diffusion.simulate import simulate
from explorer.experiment.codec import encode
from explorer.experiment.resolution import resolve
from explorer.experiment.schema import Experiment, ScoreSource
from explorer.figures import files
from explorer.figures.figure import LINES, Equation, Picture, Plot, Series, Table
from explorer.figures.theme import COLORMAPS, DARK, color
from explorer.labs import LABS, SECTIONS, Context
from explorer.labs.toolkit.pace import duration
from explorer.labs.toolkit.sources import caption, source_of
from explorer.session.document import Document
from explorer.session.plan import plan
from explorer.session.scenes import SCENES, scene

SAMPLER = Sampler(steps=10, particles=60)
EXPERIMENTS = {
    "plane": Experiment(sampler=SAMPLER),
    "line": Experiment(data=DISTRIBUTIONS["two_modes_1d"](), score=ScoreSource("exact"), sampler=SAMPLER),
    "ve": Experiment(sde=SDES["ve"](), sampler=replace(SAMPLER, mode="pc")),
}


def context_of(e, position=0.5):
    """What the window would let it look at in the middle of the run."""
    answer = resolve(e)
    frames = list(simulate(e.sde, e.sampler, answer.score, e.data.mixture, e.seed))
    frames = frames[: round(position * (len(frames) - 1)) + 1]
    return Context(e, answer, frames[-1].t, frames)


@pytest.fixture(scope="module")
def contexts():
    return {name: context_of(e) for name, e in EXPERIMENTS.items()}


def numbers_of(figure):
    """Every number of a figure, as arrays."""
    match figure:
        case Plot():
            parts = [(s.x, s.y, s.error) for s in figure.series]
            return [np.asarray(a, float) for part in parts for a in part if a is not None]
        case Table():
            return [np.array([v for row in figure.rows for v in row if not isinstance(v, str)], float)]
        case Picture():
            values = [getattr(m, f.name) for m in figure.marks for f in fields(m)]
            return [v for v in values if isinstance(v, np.ndarray)]
    return []


def check(figure, last):
    """What every figure keeps to, so that the window and the files can draw it; the last ones are not empty."""
    assert figure.title
    if isinstance(figure, Plot):
        assert figure.x_label
        # on a logarithmic axis what is not positive is a gap
        assert not last or any(np.isfinite(np.asarray(s.y, float)).any() for s in figure.series), figure.title
        for s in figure.series:
            assert s.line in LINES and color(DARK, s.role)
            assert len(s.x) == len(s.y) + s.steps and (s.error is None or len(s.error) == len(s.y)), s.name
    elif isinstance(figure, Picture):
        left, right, bottom, top = figure.bounds
        assert left < right and bottom < top and np.isfinite(figure.bounds).all()
        assert figure.colormap in COLORMAPS and figure.marks
        assert figure.scale is None or all(np.isfinite(figure.scale[:2]))
    elif isinstance(figure, Table):
        assert (figure.rows or not last) and all(len(row) == len(figure.columns) for row in figure.rows)
    else:
        assert figure.latex
    if isinstance(figure, Picture):
        assert all(np.isfinite(a).any() for a in numbers_of(figure) if a.size), figure.title


def alike(a, b):
    """Whether two figures show the same numbers, those that a clock gives aside."""
    assert (type(a), a.title) == (type(b), b.title)
    pairs = list(zip(numbers_of(a), numbers_of(b), strict=True))
    return all(
        x.shape == y.shape and np.allclose(x, y, rtol=1e-4, atol=1e-6, equal_nan=True) for x, y in pairs
    )


CASES = [(lab, e) for lab in LABS for e in EXPERIMENTS]
#: The reports of the quick runs, by laboratory and experiment: two tests look at the same.
RAN = {}


def reports_of(contexts, name, kind):
    if (name, kind) not in RAN:
        RAN[name, kind] = list(LABS[name].quick().reports(contexts[kind]))
    return RAN[name, kind]


@pytest.mark.parametrize("name, kind", CASES)
def test_it_runs_to_its_end(contexts, name, kind):
    context = contexts[kind]
    lab = LABS[name].quick()
    refused = lab.refusal(context.experiment)
    if refused:
        assert refused.endswith(".") and len(refused) > 20
        return
    reports = reports_of(contexts, name, kind)
    progress = [r.progress for r in reports]
    assert progress == sorted(progress) and progress[-1] == 1 and progress[0] > 0 - 1e-9
    last = reports[-1]
    assert last.words.strip().endswith((".", "!", "?")) and last.figures
    for report in reports:
        for figure in report.figures:
            check(figure, report is last)
    assert all(np.asarray(a).size for a in last.arrays.values())


@pytest.mark.parametrize("name", LABS)
def test_it_follows_from_the_seed(contexts, name):
    lab, context = LABS[name].quick(), contexts["plane"]
    if lab.refusal(context.experiment):
        pytest.skip("refused")
    one = reports_of(contexts, name, "plane")[-1]
    *_, two = lab.reports(context)
    timed = ("second", "ms", "clock", "time per", "cost")
    for a, b in zip(one.figures, two.figures, strict=True):
        words = (
            f"{a.title} {getattr(a, 'x_label', '')} {getattr(a, 'y_label', '')} {getattr(a, 'columns', '')}"
        )
        if not any(word in words.lower() for word in timed):
            assert alike(a, b), a.title


@pytest.mark.parametrize("name", LABS)
def test_it_says_what_it_is(name):
    cls = LABS[name]
    assert cls.section in SECTIONS and cls.about.endswith(".") and cls.equation and cls.source
    for p in params(cls):
        assert p.label and (p.help or p.kind == "data"), p.name
    assert encode(cls())["type"] == name


# --- the noise schedules ---------------------------------------------------------------------------------


@pytest.mark.parametrize("sde", SDES)
def test_schedules_are_those_of_the_sdes(sde):
    e = Experiment(sde=SDES[sde](), sampler=SAMPLER)
    (report,) = LABS["schedules"](points=50).reports(Context(e, resolve(e), 0.3))
    alpha, sigma, g, snr = report.figures[:4]
    own = {figure.title: figure.series[0] for figure in (alpha, sigma, g, snr)}
    for i, t in enumerate(own[alpha.title].x):
        a, s = e.sde.marginal(float(t))
        assert own[alpha.title].y[i] == a and own[sigma.title].y[i] == s
        assert own[g.title].y[i] == e.sde.diffusion(float(t))
        assert own[snr.title].y[i] == pytest.approx(2 * math.log(a / s), rel=1e-9)
    table = report.figures[4]
    assert table.rows[0][0] == e.sde.title and len(table.rows) == len(SDES)
    for row in table.rows:  # where signal and noise are equal they are
        process = next(p for p in (e.sde, *(c() for c in SDES.values())) if p.title == row[0])
        a, s = process.marginal(row[-1])
        assert s / a == pytest.approx(1.0, rel=1e-6)


# --- scenes -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", [s.name for s in SCENES])
def test_a_scene_is_whole(name):
    made = scene(name)
    assert made.title and made.words.endswith(".") and made.heading
    lab = made.make_lab()
    assert lab is None or not lab.refusal(made.document.experiment)
    assert plan(Document(), made.document).redraw


def test_scenes_have_names_of_their_own():
    assert len({s.name for s in SCENES}) == len(SCENES)
    with pytest.raises(ValueError, match=SCENES[0].name):
        scene("none such")


# --- files --------------------------------------------------------------------------------------------------

X = np.array([1.0, 2.0, 3.0])
PLOT = Plot(
    "Fall, of error", "N", "error",
    (Series("a, b", X, X**2, error=X / 10), Series("bars", np.arange(4.0), X, steps=True)), log_y=True,
)  # fmt: skip
TABLE = Table("σ & more_", ("name", "value", "n"), (("α, β", 1.5e-7, 3), ("plain", float("nan"), 12)))
SOURCE = files.Source("Lab", "Lab · n = 3", {"type": "lab", "n": 3}, {"seed": 0}, "It fell.")


def test_csv_keeps_every_digit():
    text = files.csv_text([PLOT, TABLE], SOURCE)
    rows = [row for row in csv.reader(io.StringIO(text)) if row and not row[0].startswith("#")]
    assert rows[0] == ["name", "value", "n"] and rows[1] == ["α, β", "1.5e-07", "3"]
    assert "# Lab · n = 3" in text
    curves = list(
        csv.DictReader(line for line in files.csv_text([PLOT], SOURCE).splitlines() if line[0] != "#")
    )
    assert [float(r["y"]) for r in curves] == [1, 4, 9, 1, 2, 3]
    assert [r["x"] for r in curves[3:]] == ["0.5", "1.5", "2.5"] and curves[0]["error"] == "0.1"
    with pytest.raises(ValueError, match="no table"):
        files.csv_text([Equation("E", "x")], SOURCE)


def test_latex_is_a_table_with_booktabs():
    text = files.latex_text([TABLE], SOURCE)
    assert r"\begin{tabular}{lrr}" in text and text.count(r"\toprule") == 1 == text.count(r"\bottomrule")
    assert r"$\alpha$, $\beta$ & $1.50 \cdot 10^{-7}$ & $3$ \\" in text and r"plain & -- & $12$ \\" in text
    assert r"$\sigma$ \& more\_" in text
    with pytest.raises(ValueError, match="no table"):
        files.latex_text([PLOT], SOURCE)


def test_arrays_hold_everything(tmp_path):
    path = tmp_path / "a.npz"
    files.write_numbers(path, [PLOT, TABLE], {"own": X}, SOURCE)
    with np.load(path) as arrays:
        assert np.array_equal(arrays["own"], X)
        assert np.array_equal(arrays["fall_of_error__a_b__y"], X**2)
        assert len(arrays["fall_of_error__bars__x"]) == 4
        assert json.loads(str(arrays["settings"]))["n"] == 3 and str(arrays["words"]) == "It fell."


def test_json_is_json(tmp_path):
    path = tmp_path / "a.json"
    files.write_numbers(path, [PLOT, TABLE, Equation("E", "x")], {}, SOURCE)
    found = json.loads(path.read_text(encoding="utf-8"))
    assert found["figures"][1]["rows"][1] == ["plain", None, 12] and found["words"] == "It fell."
    with pytest.raises(ValueError, match="not as"):
        files.write_numbers(tmp_path / "a.txt", [PLOT], {}, SOURCE)


@pytest.mark.parametrize(
    "value, text",
    [(3, "3"), (-2.5, "−2.5"), (1234567.0, "1.23×10⁶"), (1e-5, "1.00×10⁻⁵"), (float("inf"), "–"), (12345, "12345"),
     (True, "yes"), ("x", "x"), ("(0.1, -0.2)", "(0.1, −0.2)"), ("DPM-Solver-2", "DPM-Solver-2"),
     (-4.35e-9, "−4.35×10⁻⁹"), (123456.7, "123457"), (9999.7, "10000"), (0.00012345, "0.0001234"),
      (0.0, "0"), (123.456, "123.5")],
)  # fmt: skip
def test_numbers_in_tables(value, text):
    assert files.number_text(value) == text


def test_what_is_behind_a_plus_or_minus_has_two_digits():
    table = Table("a", ("x", "±", "± (two draws)"), ((0.0012345, 0.00043741, 129.94),))
    assert files.cell_texts(table, table.rows[0]) == ["0.001234", "0.00044", "130"]
    assert r"$0.001234$ & $0.00044$ & $130$" in files.latex_text([table], SOURCE)
    assert "0.00043741" in files.csv_text([table], SOURCE)


def test_the_caption_tells_the_settings():
    lab = LABS["schedules"](points=33)
    e = EXPERIMENTS["ve"]
    text = caption(lab, e, resolve(e))
    assert "n = 33" in text and "σₘₐₓ = 10" in text and "seed 0" in text
    assert source_of(lab, e, resolve(e)).experiment["sde"]["type"] == "ve"
    named = caption(LABS["table1"](predictors="ancestral, reverse_diffusion(eta=0)"), e, resolve(e))
    assert "Predictors = Ancestral, Reverse diffusion (probability flow)," in named


@pytest.mark.parametrize("name", LABS)
def test_captions_have_no_names_of_code(name):
    assert not re.search(
        r"[a-z]_[a-z]", caption(LABS[name](), EXPERIMENTS["plane"], resolve(EXPERIMENTS["plane"]))
    )


@pytest.mark.parametrize(
    "text, latex",
    [("βₘᵢₙ", r"$\beta$$_{min}$"), ("eᵗ", "e$^{t}$"), ("10⁻⁵", "10$^{−5}$"), ("x² & y", r"x$^2$ \& y")],
)
def test_raised_and_lowered_letters_in_latex(text, latex):
    assert files.escaped(text) == latex


@pytest.mark.parametrize("name", LABS)
def test_a_laboratory_with_several_figures_names_its_main_one(contexts, name):
    lab = LABS[name].quick()
    if lab.refusal(contexts["plane"].experiment):
        pytest.skip("for other data")
    titles = [
        f.title for f in reports_of(contexts, name, "plane")[-1].figures if isinstance(f, Plot | Picture)
    ]
    assert len(titles) == 1 or [t for t in titles if t.startswith(lab.main)], titles


@pytest.mark.parametrize("name", [name for name in LABS if LABS[name].heavy])
def test_a_heavy_laboratory_knows_how_long_it_takes(name):
    e = EXPERIMENTS["plane"]
    usual, quick = LABS[name]().seconds(e), LABS[name].quick().seconds(e)
    assert 1 < usual < 120 and quick < usual / 4
    assert math.isnan(LABS["schedules"]().seconds(e))


@pytest.mark.parametrize("seconds, words", [
    (2, "a few seconds"), (22, "20 seconds"), (44, "45 seconds"), (70, "1 minute"), (100, "2 minutes"),
    (1000, "17 minutes"), (4000, "1 hour"), (7300, "2 hours"),
])  # fmt: skip
def test_durations_in_words(seconds, words):
    assert duration(seconds) == words


# --- the shell -----------------------------------------------------------------------------------------------


@pytest.fixture
def file(tmp_path):
    path = tmp_path / "e.json"
    path.write_text(json.dumps({"sampler": {"steps": 8, "particles": 30}, "score": {"source": "exact"}}))
    return path


def test_a_laboratory_from_the_shell(file, tmp_path, capsys):
    outs = [tmp_path / f"a{ending}" for ending in (".csv", ".tex", ".npz", ".json", ".png", ".svg", ".pdf")]
    argv = ["lab", "schedules", str(file), "--set", "points=12", "--set", "sde=ve", "--t", "0.5"]
    assert command_line([*argv, *(part for out in outs for part in ("--out", str(out)))]) == 0
    printed = capsys.readouterr()
    summary = json.loads(printed.out)
    assert summary["settings"]["points"] == 12 and len(summary["figures"][0]["series"][0]["x"]) == 12
    assert summary["words"].startswith("VE") and summary["words"] in printed.err
    starts = {".png": b"\x89PNG", ".svg": b"<?xml", ".pdf": b"%PDF", ".npz": b"PK"}
    for out in outs:
        assert out.read_bytes().startswith(starts.get(out.suffix, b"")) and out.stat().st_size > 200


@pytest.mark.parametrize(
    "argv, said",
    [
        (["none_such"], "schedules"),
        (["schedules", "--set", "pointss=3"], "points"),
        (["schedules", "--set", "points=1"], "between 3"),
        (["schedules", "--t", "2"], "--t"),
        (["schedules", "--out", "a.gif"], ".pdf"),
        (["schedules", "--figure", "9"], "the figures are 1 to 5"),
        (["schedules", "--figure", "1", "--out", "{}/a.tex"], "no table"),
    ],
)
def test_wrong_use_is_one_sentence(file, tmp_path, capsys, argv, said):
    name, *rest = argv
    assert command_line(["lab", name, str(file), *(r.format(tmp_path) for r in rest)]) == 2
    err = [line for line in capsys.readouterr().err.splitlines() if line.startswith("score-explorer")]
    assert len(err) == 1 and said in err[0]


def test_laboratories_are_listed(capsys):
    assert command_line(["list", "laboratories", "--json"]) == 0
    listed = json.loads(capsys.readouterr().out)["laboratories"]
    assert list(listed) == list(LABS) and listed["schedules"]["section"] == "see"
