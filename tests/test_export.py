"""Every exporter writes a file that another library opens and that shows what the renderer drew; whatever goes
wrong, the file that was there stays whole and nothing else is left."""

import ast
import csv
import errno
import io
import runpy
import subprocess
import sys
import threading
import time
from dataclasses import replace
from pathlib import Path
from xml.etree import ElementTree

import av
import numpy as np
import pytest
from PIL import Image

from explorer.base import files
from explorer.base.jobs import Job
from explorer.data.distributions.two_moons import TwoMoons
from explorer.data.imports import look
from explorer.diffusion.frames import Frame, Recording
from explorer.diffusion.simulate import simulate
from explorer.experiment.codec import edited, encode
from explorer.experiment.resolution import resolve
from explorer.experiment.schema import Experiment
from explorer.export import EXPORTERS, ExportError, Replay, Track, preview
from explorer.export.page import rgb
from explorer.figures.theme import DARK, LIGHT
from explorer.guidance.class_guidance import ClassGuidance
from explorer.session import playback
from explorer.session.document import Document, loads
from explorer.ui.dialogs.exporting import QtRenderer, replay_of

SMALL = {"width": 160, "height": 90, "fps": 10, "seconds": 0.8, "hold": 0.2}
FORMATS = [name for name in EXPORTERS if not EXPORTERS[name].of_pictures]
MOVIES = [name for name in EXPORTERS if EXPORTERS[name].kind == "movie"]
STILLS = [name for name in EXPORTERS if EXPORTERS[name].kind == "still"]


@pytest.fixture(scope="module")
def renderer():
    return QtRenderer()


def experiment(**fields):
    e = edited(Experiment(), "sampler.particles", 40)
    e = edited(e, "sampler.steps", 6)
    e = edited(e, "score.source", "exact")
    for field, value in fields.items():
        e = edited(e, field.replace("__", "."), value)
    return e


def run_of(e):
    resolved, recording = resolve(e), Recording()
    for frame in simulate(e.sde, e.sampler, resolved.score, e.target, e.seed):
        recording.append(frame)
    recording.complete = True
    return e, resolved, recording


def replay_for(*experiments, theme=DARK, position=1.0):
    return replay_of(Document(experiments[0]), [run_of(e) for e in experiments], theme, position)


@pytest.fixture(scope="module")
def replay():
    return replay_for(experiment())


@pytest.fixture(scope="module")
def pair():
    return replay_for(experiment(), experiment(sampler__mode="ode"), theme=LIGHT)


def small(name, **more):
    cls = EXPORTERS[name]
    known = {p for p in cls.__dataclass_fields__}
    return cls(**{k: v for k, v in (SMALL | more).items() if k in known})


def written(exporter, replay, path, renderer):
    """Write, and give the progress that was told."""
    return list(exporter.write(replay, path, renderer))


def pictures(path):
    """(red-green-blue arrays, seconds) by a library that had no part in writing."""
    if path.suffix == ".mp4":
        with av.open(str(path)) as file:
            frames = [f.to_ndarray(format="rgb24") for f in file.decode(video=0)]
            return frames, float(file.duration / av.time_base)
    frames, seconds = [], 0.0
    with Image.open(path) as image:
        for i in range(image.n_frames):
            image.seek(i)
            frames.append(np.asarray(image.convert("RGB")))
            seconds += image.info["duration"] / 1000
    return frames, seconds


# --- what is in the files -------------------------------------------------------------------------------


@pytest.mark.parametrize("compared", [False, True], ids=["one", "two"])
@pytest.mark.parametrize("name", MOVIES)
def test_a_movie_shows_what_the_renderer_drew(name, compared, replay, pair, renderer, tmp_path):
    shown = pair if compared else replay
    exporter, path = small(name, width=320, height=180), tmp_path / f"clip{EXPORTERS[name].suffix}"
    told = written(exporter, shown, path, renderer)
    frames, seconds = pictures(path)
    assert (told[-1].done, told[-1].total) == (10, 10)
    assert len(frames) == 10 or name == "webp"  # which joins pictures that are alike
    assert seconds == pytest.approx(1.0, abs=0.02)
    shots = exporter.shots(shown)
    last = len(shown.tracks[0].recording) - 1
    assert shots[0] == (0,) * len(shown.tracks) and shots[-1][0] == last
    for shot, frame in ((shots[0], frames[0]), (shots[-1], frames[-1])):
        drawn = rgb(renderer.pixels(shown.page(shot, 320, 180, renderer, moving=True)))
        assert frame.shape == drawn.shape
        error = np.abs(frame.astype(int) - drawn).mean()
        assert error < {"apng": 1e-9}.get(name, 6.0), name


def test_every_frame_of_a_lossless_movie_is_the_renderers(replay, renderer, tmp_path):
    exporter, path = small("apng"), tmp_path / "clip.apng"
    for shot in exporter.shots(replay):  # a letter that Qt draws for the first time differs in the last bit
        renderer.pixels(replay.page(shot, 160, 90, renderer, moving=True))
    written(exporter, replay, path, renderer)
    frames, _ = pictures(path)
    for shot, frame in zip(exporter.shots(replay), frames, strict=True):
        page = replay.page(shot, 160, 90, renderer, moving=True)
        assert np.array_equal(frame, rgb(renderer.pixels(page)))


def test_mp4_has_even_sides_and_the_colours_of_high_definition(replay, renderer, tmp_path):
    path = tmp_path / "clip.mp4"
    exporter = small("mp4", width=161, height=95)
    written(exporter, replay, path, renderer)
    assert (exporter.outline(replay).width, exporter.outline(replay).height) == (162, 96)
    with av.open(str(path)) as file:
        (stream,) = file.streams.video
        assert (stream.width, stream.height) == (162, 96)
        assert (stream.codec_context.pix_fmt, stream.codec_context.colorspace) == ("yuv420p", 1)
    assert path.read_bytes().index(b"moov") < path.read_bytes().index(b"mdat")  # it can play while it loads


@pytest.mark.parametrize("position", [0.0, 0.5, 1.0])
def test_png_is_pixel_for_pixel_the_frame_at_the_playhead(position, replay, renderer, tmp_path):
    at, path = replace(replay, position=position), tmp_path / "still.png"
    written(small("png"), at, path, renderer)
    with Image.open(path) as image:
        page = at.page(at.indices(position), 160, 90, renderer)
        assert np.array_equal(np.asarray(image), rgb(renderer.pixels(page)))
        assert image.info["Description"] == replay.caption


def test_svg_is_made_of_drawn_elements(replay, renderer, tmp_path):
    path = tmp_path / "still.svg"
    written(small("svg", width=640, height=360), replay, path, renderer)
    root = ElementTree.parse(path).getroot()
    kinds = [element.tag.rpartition("}")[2] for element in root.iter()]
    assert root.get("width"), root.get("height") == ("640", "360")
    assert kinds.count("circle") >= 30 and kinds.count("text") >= 3 and "path" in kinds


def test_npz_holds_every_frame_and_the_experiment(pair, renderer, tmp_path):
    path = tmp_path / "run.npz"
    written(small("npz"), pair, path, renderer)
    a, b = pair.tracks
    with np.load(path, allow_pickle=False) as arrays:
        assert sorted(arrays) == sorted(
            f"{n}{s}" for n in ("t", "x", "nfe", "experiment", "score") for s in ("", "_b")
        )
        assert np.array_equal(arrays["x"], np.stack([f.x for f in a.recording.frames]))
        assert np.array_equal(arrays["x_b"], np.stack([f.x for f in b.recording.frames]))
        assert arrays["t"].tolist() == [f.t for f in a.recording.frames]
        assert arrays["nfe"].tolist() == [f.nfe for f in a.recording.frames]
        assert loads(str(arrays["experiment"]))[0].experiment == a.experiment
        assert loads(str(arrays["experiment_b"]))[0].experiment == b.experiment


def table_rows(path):
    """The rows of an exported table by the names of its columns."""
    lines = [line for line in path.read_text().splitlines() if not line.startswith("#")]
    return list(csv.DictReader(lines))


@pytest.mark.parametrize("data", ["eight_gaussians", "two_modes_1d"])
def test_csv_is_long_and_exact(data, renderer, tmp_path):
    shown, path = replay_for(experiment(data=data)), tmp_path / "run.csv"
    written(small("csv", every=4), shown, path, renderer)
    rows = table_rows(path)
    axes = ["x", "y"][: shown.tracks[0].experiment.data.dim]
    assert list(rows[0]) == ["frame", "t", "particle", *axes]
    assert sorted({int(row["frame"]) for row in rows}) == [0, 4, 6]
    x = np.array([[row[a] for a in axes] for row in rows if row["frame"] == "6"], np.float32)
    assert np.array_equal(x, shown.tracks[0].recording[6].x)


def test_csv_of_two_runs_names_their_stages(pair, renderer, tmp_path):
    path = tmp_path / "run.csv"
    written(small("csv"), pair, path, renderer)
    assert {row["stage"] for row in table_rows(path)} == {"A", "B"}


@pytest.mark.parametrize("source", ["exact", "pretrained"])
def test_csv_says_its_run_and_score_in_a_comment(source, renderer, tmp_path):
    path = tmp_path / "run.csv"
    shown = replay_for(edited(experiment(), "score.source", source))
    written(small("csv"), shown, path, renderer)
    first, second = path.read_text().splitlines()[:2]
    assert first.startswith("# ") and shown.tracks[0].resolved.named in first and second.startswith("frame,")
    assert look(path).proposal.columns == ("x", "y")
    written(small("csv"), replace(shown, caption=""), path, renderer)
    assert path.read_text().startswith("frame,")


def inline_mixture():
    means = {
        "type": "gaussian_mixture",
        "means": [[-1, 0], [1, 0.5]],
        "scales": [0.1, 0.2],
        "weights": [1, 3],
    }
    return edited(experiment(), "data", means)


@pytest.mark.parametrize(
    "made",
    [
        [experiment()],
        [experiment(sde="ve", sampler__mode="pc", sampler__snr=0.1, data="letters")],
        [inline_mixture()],
        [experiment(), experiment(sampler__mode="ode")],
    ],
    ids=["plain", "corrected", "inline", "compared"],
)
def test_the_script_computes_the_same_arrays(made, renderer, tmp_path):
    shown, path = replay_for(*made), tmp_path / "again.py"
    written(small("python"), shown, path, renderer)
    names = {"__name__": "script"}
    exec(compile(path.read_text(), str(path), "exec"), names)
    found = [v for v in names.values() if isinstance(v, Experiment)]
    assert found == made
    names["run"](found[0], str(tmp_path / "again.npz"))
    with np.load(tmp_path / "again.npz") as arrays:
        assert np.array_equal(arrays["x"], np.stack([f.x for f in shown.tracks[0].recording.frames]))


@pytest.mark.parametrize(
    ("compared", "files"), [(False, ["again.npz"]), (True, ["again.a.npz", "again.b.npz"])]
)
def test_a_script_saves_beside_itself_under_its_own_name(compared, files, renderer, tmp_path, monkeypatch):
    made = [experiment(), experiment(sampler__mode="ode")] if compared else [experiment()]
    path = tmp_path / "again.py"
    written(small("python"), replay_for(*made), path, renderer)
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path / "elsewhere")
    runpy.run_path(str(path), run_name="__main__")
    assert sorted(p.name for p in tmp_path.glob("**/*.npz")) == files
    assert all((tmp_path / name).is_file() for name in files)


def test_a_script_of_a_trained_network_asks_for_its_file(renderer, tmp_path):
    shown = replay_for(experiment(score__source="trained", score__network={"width": 16, "depth": 1}))
    path = tmp_path / "again.py"
    written(small("python"), shown, path, renderer)
    ast.parse(path.read_text())
    assert "load(sys.argv[1])" in path.read_text()


# --- sizes, previews, what is shown ---------------------------------------------------------------------


@pytest.mark.parametrize("name", FORMATS)
def test_a_preview_says_what_the_file_will_be(name, replay, renderer, tmp_path):
    exporter, path = small(name, width=320, height=180), tmp_path / f"out{EXPORTERS[name].suffix}"
    expected = preview(replay, exporter, renderer)
    written(exporter, replay, path, renderer)
    assert 0.5 < expected.size / path.stat().st_size < 2
    assert expected.width == (320 if exporter.kind != "data" else 0)
    assert expected.frames == {"movie": 10, "still": 1}.get(exporter.kind, expected.frames)


@pytest.mark.parametrize("size", [(854, 480), (480, 854), (16, 16), (3840, 2160)])
def test_pictures_of_any_shape(size, pair, renderer, tmp_path):
    path = tmp_path / "still.png"
    written(small("png", width=size[0], height=size[1]), pair, path, renderer)
    with Image.open(path) as image:
        assert image.size == size


@pytest.mark.parametrize("size", [(1280, 720), (720, 1280), (500, 500)])
def test_a_page_of_another_shape_shows_no_less(size, replay, renderer):
    bounds = (-2.0, 4.0, -1.0, 1.0)
    page = replace(replay, bounds=bounds).page((0,), *size, renderer)
    left, right, bottom, top = page.panes[0].camera.bounds(*renderer.stages(page)[0])
    assert left <= -2 + 1e-9 and right >= 4 - 1e-9 and bottom <= -1 + 1e-9 and top >= 1 - 1e-9


def test_the_second_run_is_linked_by_time(renderer):
    shown = replay_for(experiment(), experiment(sampler__mode="ode", sampler__steps=40))
    for position in (0.0, 0.3, 0.7, 1.0):
        a, b = shown.indices(position)
        times = [track.recording[i].t for track, i in zip(shown.tracks, (a, b), strict=True)]
        assert abs(times[0] - times[1]) < 0.02


def test_runs_of_different_clocks_are_linked_by_their_share():
    a, b = experiment(), experiment(sampler__mode="forward", sampler__steps=20)
    assert not playback.same_clock(a, b) and playback.same_clock(a, edited(a, "sampler.mode", "ode"))
    shown = replay_for(a, b)
    assert shown.indices(0.5)[1] == round(0.5 * (len(shown.tracks[1].recording) - 1))


def test_a_replay_is_not_moved_by_a_recording_that_goes_on(renderer):
    e, resolved, recording = run_of(experiment())
    shown = replay_of(Document(e), [(e, resolved, recording)])
    count = len(shown.tracks[0].recording)
    recording.append(Frame(recording[0].x, 0.0, 1.0, 0.0, 7, 7, 7))
    assert len(shown.tracks[0].recording) == count


@pytest.mark.parametrize("source", ["exact", "pretrained"])
def test_the_caption_of_a_guided_run_names_the_score_it_started_from(source, renderer, tmp_path):
    # for such moons there is no pretrained network: the exact score is used
    guided = experiment(data=encode(TwoMoons(jitter=0.2)), control=encode(ClassGuidance(weight=2.0)))
    e = edited(guided, "score.source", source)
    shown = replay_for(e)
    assert "exact score" in shown.caption
    written(small("png"), shown, tmp_path / "a.png", renderer)
    with Image.open(tmp_path / "a.png") as image:
        assert image.info["Description"] == f"{shown.caption} · density given the control"


def test_thinned_recordings_are_exported(renderer, tmp_path):
    e, resolved, whole = run_of(experiment(sampler__steps=30))
    thin = Recording(budget=whole[0].x.nbytes * 10)
    for frame in whole.frames:
        thin.append(frame)
    assert thin.stride > 1
    written(small("apng"), replay_of(Document(e), [(e, resolved, thin)]), tmp_path / "a.apng", renderer)


# --- what goes wrong ------------------------------------------------------------------------------------


def only(folder, *names):
    return sorted(p.name for p in folder.iterdir()) == sorted(names)


@pytest.mark.parametrize("name", FORMATS)
def test_a_cancelled_export_leaves_the_old_file_and_nothing_else(name, replay, renderer, tmp_path):
    path = tmp_path / f"out{EXPORTERS[name].suffix}"
    path.write_bytes(b"old")
    going = small(name).write(replay, path, renderer)
    next(going)
    going.close()
    assert path.read_bytes() == b"old" and only(tmp_path, path.name)


def test_a_job_exports_reports_and_is_cancelled(replay, renderer, tmp_path):
    path = tmp_path / "clip.mp4"
    job = Job(lambda: small("mp4").write(replay, path, renderer), latest=True)
    assert job.join(20) and job.error is None
    assert job.drain()[-1].done == 10 and path.stat().st_size > 0
    path.write_bytes(b"old")
    job = Job(lambda: small("mp4", seconds=60.0).write(replay, path, renderer), latest=True)
    while not job.drain():
        time.sleep(0.005)
    job.cancel()
    assert job.join(5) and path.read_bytes() == b"old" and only(tmp_path, "clip.mp4")
    assert not [t for t in threading.enumerate() if t.name.startswith("encode")]


class FullDisk(io.FileIO):
    """A file whose disk is full after some writes."""

    left = 3

    def write(self, data):
        FullDisk.left -= 1
        if FullDisk.left < 0:
            raise OSError(errno.ENOSPC, "No space left on device")
        return super().write(data)


@pytest.mark.parametrize("name", [n for n in FORMATS if n not in MOVIES])
def test_a_full_disk_is_one_sentence(name, replay, renderer, tmp_path, monkeypatch):
    path = tmp_path / f"out{EXPORTERS[name].suffix}"
    path.write_bytes(b"old")
    monkeypatch.setattr(FullDisk, "left", 0)

    real = io.open

    def opened(file, mode="r", buffering=-1, encoding=None, errors=None, newline=None):
        if mode in ("r", "rb"):
            return real(file, mode, buffering, encoding, errors, newline)
        raw = FullDisk(file, mode.replace("t", "").replace("b", ""))
        if "b" in mode or "w" not in mode:
            return io.BufferedRandom(raw) if "+" in mode else io.BufferedWriter(raw)
        return io.TextIOWrapper(io.BufferedWriter(raw), encoding=encoding, newline=newline)

    monkeypatch.setattr(Path, "open", lambda self, *a, **k: opened(self, *a, **k))
    monkeypatch.setattr("zipfile.io.open", opened)
    with pytest.raises(
        ExportError, match=rf"^out\{path.suffix} cannot be written: No space left on device\.$"
    ):
        written(small(name), replay, path, renderer)
    monkeypatch.undo()
    assert path.read_bytes() == b"old" and only(tmp_path, path.name)


LIMITED = """
import resource, sys, traceback
sys.path[:0] = {paths!r}
import test_export as t
from explorer.export import ExportError
replay, renderer = t.replay_for(t.experiment()), t.QtRenderer()
resource.setrlimit(resource.RLIMIT_FSIZE, (700, 700))
for name in t.FORMATS:
    try:
        t.written(t.small(name), replay, {folder!r} + "/out" + t.EXPORTERS[name].suffix, renderer)
    except ExportError as error:
        print(name, error)
"""


@pytest.mark.skipif(sys.platform == "win32", reason="limits on the size of files are POSIX's")
def test_a_real_limit_of_the_system_stops_every_exporter(tmp_path):
    """700 bytes are allowed: what FFmpeg, Pillow and zipfile do then cannot be foreseen by a stub."""
    for name in FORMATS:
        (tmp_path / f"out{EXPORTERS[name].suffix}").write_bytes(b"old")
    here = Path(__file__).resolve().parent
    code = LIMITED.format(paths=[str(here.parent), str(here)], folder=str(tmp_path))
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=120)
    said = dict(line.split(" ", 1) for line in result.stdout.splitlines())
    assert sorted(said) == sorted(FORMATS), result.stdout + result.stderr
    for name, sentence in said.items():
        assert sentence == f"out{EXPORTERS[name].suffix} cannot be written: File too large."
    assert all(path.read_bytes() == b"old" for path in tmp_path.iterdir())
    assert len(list(tmp_path.iterdir())) == len(FORMATS)


def test_a_folder_that_is_not_there_is_one_sentence(replay, renderer, tmp_path):
    with pytest.raises(ExportError, match=r"clip\.gif cannot be written: No such file or directory"):
        written(small("gif"), replay, tmp_path / "none" / "clip.gif", renderer)


def test_a_file_that_came_out_wrong_is_not_kept(replay, renderer, tmp_path, monkeypatch):
    path = tmp_path / "still.png"
    path.write_bytes(b"old")
    monkeypatch.setattr(EXPORTERS["png"], "encoded", lambda self, page, renderer: _png((3, 3)))
    with pytest.raises(ExportError, match=r"still\.png was not written: the file came out wrong \(size"):
        written(small("png"), replay, path, renderer)
    assert path.read_bytes() == b"old" and only(tmp_path, path.name)


def _png(size):
    out = io.BytesIO()
    Image.new("RGB", size).save(out, "PNG")
    return out.getvalue()


def test_an_error_in_the_drawing_gets_out_and_leaves_nothing(replay, tmp_path):
    class Broken(QtRenderer):
        def pixels(self, page):
            raise RuntimeError("no paint")

    with pytest.raises(RuntimeError, match="no paint"):
        written(small("mp4"), replay, tmp_path / "clip.mp4", Broken())
    assert only(tmp_path)


def test_exporters_import_no_qt():
    code = "import sys, explorer.export as x; list(x.EXPORTERS); print([m for m in sys.modules if 'PySide' in m])"
    root = Path(files.__file__).resolve().parents[2]
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=root)
    assert result.stdout.strip() == "[]", result.stderr


def test_a_track_can_be_made_without_words(renderer, tmp_path):
    e, resolved, recording = run_of(experiment())
    written(small("png"), Replay((Track(e, resolved, recording),)), tmp_path / "still.png", renderer)
