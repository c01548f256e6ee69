"""The stage as PDF, SVG and PNG for papers: axes that tell the truth, a bar of the right length, a clear ground, and
words of so many points. Looked at as XML, pixels and PDF streams."""

import io
import re
import shutil
import subprocess
from dataclasses import replace
from xml.etree import ElementTree

import numpy as np
import pytest
from PIL import Image
from test_export import experiment, replay_for, written
from test_figure_files import page_of, stroke_widths

from explorer.export import EXPORTERS, ExportError
from explorer.figures.papers import LEAST_LINE, points
from explorer.figures.theme import DARK, LIGHT, THEMES, lut, rgb, theme
from explorer.ui.dialogs.exporting import QtRenderer
from explorer.ui.painting.canvas_painter import without
from explorer.ui.painting.layout import Header, Panel, arrange

SVG = "{http://www.w3.org/2000/svg}"
SHAPE = {"width": 640, "height": 480}


@pytest.fixture(scope="module")
def renderer():
    return QtRenderer()


@pytest.fixture(scope="module")
def replays():
    plane = replay_for(experiment(), theme=LIGHT)
    pair = replay_for(experiment(), experiment(sampler__mode="ode"), theme=LIGHT)
    line = replay_for(experiment(data="two_modes_1d"), theme=LIGHT)
    return {"plane": plane, "pair": pair, "line": line}


def svg_of(replay, renderer, tmp_path, **more):
    path = tmp_path / "a.svg"
    written(EXPORTERS["svg"](**(SHAPE | more)), replay, path, renderer)
    return ElementTree.parse(path).getroot()


def ticks(root, axis):
    """(pixel, number) of the words of an axis: those in a row below the stage, or in a column beside it."""
    found = []
    for text in root.findall(f"{SVG}text"):
        if re.fullmatch(r"−?\d+(\.\d+)?", text.text or ""):
            found.append((float(text.get("x")), float(text.get("y")), float(text.text.replace("−", "-"))))
    rows = [y for _, y, _ in found]
    lowest = max(rows)
    return [f for f in found if (abs(f[1] - lowest) < 1) == (axis == "x")]


@pytest.mark.parametrize("kind", ["plane", "line"])
def test_axes_tell_where_the_particles_are(kind, replays, renderer, tmp_path):
    """The ticks lie on the straight line that takes the data to the pixels of the dots."""
    replay = replace(replays[kind], look=replace(replays[kind].look, particles=True))
    root = svg_of(replay, renderer, tmp_path, axes=True)
    (group,) = (g for g in root.iter(f"{SVG}g") if g.get("clip-path"))
    x, y = map(float, re.search(r"translate\((\S+) (\S+)\)", group.get("transform")).groups())
    rules = [[float(line.get(k)) for k in ("x1", "y1", "x2", "y2")] for line in root.findall(f"{SVG}line")]
    clip = root.find(f".//{SVG}clipPath/{SVG}rect")
    wide, high = float(clip.get("width")), float(clip.get("height"))
    down = sorted(r[0] for r in rules if r[1] == y + high and r[3] > r[1])
    aside = sorted(r[1] for r in rules if r[2] == x and r[0] < r[2] and r[1] == r[3])
    numbers = {axis: sorted(v for *_, v in ticks(root, axis)) for axis in "xy"}
    assert len(down) == len(numbers["x"]) >= 2 and len(aside) == len(numbers["y"]) >= 2
    camera = replay._camera(replay.tracks[0].experiment, (round(wide), round(high)))
    left, right, bottom, top = camera.bounds(wide, high)
    for place, value in zip(down, numbers["x"], strict=True):
        assert place == pytest.approx(x + (value - left) / (right - left) * wide, abs=0.6)
    for place, value in zip(reversed(aside), numbers["y"], strict=True):
        assert place == pytest.approx(y + (top - value) / (top - bottom) * high, abs=0.6)
    if kind == "plane":  # and that camera is the one of the dots: one unit is as long across as up
        assert (right - left) / wide == pytest.approx((top - bottom) / high, rel=0.01)
        dots = np.array([[float(c.get("cx")), float(c.get("cy"))] for c in group.iter(f"{SVG}circle")])
        positions = replay.tracks[0].recording[-1].x
        pixels = (positions - [left, top]) * [wide / (right - left), -high / (top - bottom)]
        away = np.linalg.norm(dots[:, None] - pixels[None], axis=-1).min(axis=0)
        assert np.median(away) < 0.1


def test_a_scale_bar_is_as_long_as_it_says(replays, renderer, tmp_path):
    bare, barred = (svg_of(replays["plane"], renderer, tmp_path, bar=bar) for bar in (False, True))
    rules = [line for line in barred.findall(f"{SVG}line")]
    assert len(rules) == 1 and not bare.findall(f"{SVG}line")
    words = {t.text for t in barred.iter(f"{SVG}text")} - {t.text for t in bare.iter(f"{SVG}text")}
    length = float(words.pop())
    clip = barred.find(f".//{SVG}clipPath/{SVG}rect")
    wide, high = float(clip.get("width")), float(clip.get("height"))
    camera = replays["plane"]._camera(replays["plane"].tracks[0].experiment, (round(wide), round(high)))
    left, right, *_ = camera.bounds(wide, high)
    drawn = float(rules[0].get("x2")) - float(rules[0].get("x1"))
    assert drawn / wide * (right - left) == pytest.approx(length, rel=0.01) and not words


@pytest.mark.parametrize("name", ["png", "svg", "pdf"])
def test_over_time_there_is_no_bar_and_it_says_so(name, replays, renderer, tmp_path):
    with pytest.raises(ExportError, match="axes"):
        written(EXPORTERS[name](bar=True, **SHAPE), replays["line"], tmp_path / "a", renderer)
    assert not list(tmp_path.iterdir())


def test_a_clear_ground_can_be_seen_through(replays, renderer, tmp_path):
    pixels = {}
    for clear in (False, True):
        written(EXPORTERS["png"](clear=clear, **SHAPE), replays["plane"], tmp_path / "a.png", renderer)
        with Image.open(tmp_path / "a.png") as image:
            pixels[clear] = np.asarray(image.convert("RGBA"), float)
    alpha = pixels[True][..., 3:] / 255
    assert (pixels[False][..., 3] == 255).all() and (alpha == 0).mean() > 0.2 and (alpha == 1).any()
    # laid over the ground it is what it was, on the stage (its lower middle) up to rounding
    middle = np.s_[200:380, 40:600]
    over = alpha[middle] * pixels[True][middle][..., :3] + (1 - alpha[middle]) * rgb(LIGHT, "stage")
    assert np.abs(over - pixels[False][middle][..., :3]).mean() < 2


@pytest.mark.parametrize("name", THEMES)
def test_colours_without_their_ground_give_it_back(name):
    """a paint + (1 - a) ground is the colour that was there, for every level of the density's map."""
    ground = np.array(rgb(theme(name), "stage"), float)
    table = lut("density", theme(name))
    clear = without(table, rgb(theme(name), "stage")).astype(float)
    alpha = clear[:, 3:] / 255
    assert np.abs(alpha * clear[:, :3] + (1 - alpha) * ground - table[:, :3]).max() <= 1.5
    assert alpha[0] < 0.05 and alpha[-1] > 0.5


@pytest.mark.parametrize("kind", ["plane", "pair", "line"])
@pytest.mark.parametrize("mm, font", [(84.0, 8.0), (175.0, 9.5)])
def test_a_pdf_of_the_stage(kind, mm, font, replays, renderer, tmp_path):
    path = tmp_path / "a.pdf"
    written(EXPORTERS["pdf"](axes=True, paper=True, mm=mm, font=font, **SHAPE), replays[kind], path, renderer)
    content = page_of(path)
    box = [float(v) for v in re.search(rb"/MediaBox \[(.*?)\]", path.read_bytes())[1].split()]
    assert box[2] == pytest.approx(points(mm), abs=1) and box[3] == pytest.approx(0.75 * points(mm), abs=1)
    whole, inner = (float(found) for found in re.findall(r"([\d.]+) 0 0 -?[\d.]+ \S+ \S+ cm", content)[:2])
    sizes = {whole * inner * float(size) for size in re.findall(r"/F\d+ ([\d.]+) Tf", content)}
    assert min(sizes) == pytest.approx(font, abs=0.05) and max(sizes) == pytest.approx(
        font * 15 / 12, abs=0.1
    )
    assert min(stroke_widths(content)) >= 0.99 * LEAST_LINE
    if shutil.which("pdftotext"):
        text = subprocess.run(
            ["pdftotext", "-raw", str(path), "-"], capture_output=True, check=True
        ).stdout.decode()
        said = " ".join(text.split())
        assert replays[kind].caption.split(" · ")[-1] in said and "NFE" in said and "exact score" in said


@pytest.mark.parametrize("size", [(400, 300), (240, 320), (900, 200)])
def test_words_of_stills_are_whole_and_those_of_movies_are_cut(size, one_application):
    header = Header(
        "Predictor-corrector",
        "sub-VP · Reverse diffusion + 2 × Langevin · N = 1000 · snr = 0.16",
        "t = 0.123",
    )
    caption = (
        "Eight Gaussians · sub-VP (βₘᵢₙ = 0.1, βₘₐₓ = 20) · pretrained network · 2,000 particles · seed 0 "
        * 2
    )
    from explorer.figures.camera import Camera

    for whole in (False, True):
        sheet = arrange([Panel((), Camera(), header)], *size, caption, 1.0, whole=whole)
        words = " ".join(label.text for label in sheet.labels)
        assert "…" not in words if whole else "…" in words or size[0] >= 400
        if whole:
            assert all(
                part in words for part in f"{header.title} {header.subtitle} {header.right} {caption}".split()
            )
    assert sheet.width == size[0]


def test_words_on_a_dark_page_too(renderer, tmp_path):
    path = tmp_path / "a.svg"
    written(EXPORTERS["svg"](axes=True, **SHAPE), replay_for(experiment(), theme=DARK), path, renderer)
    if shutil.which("rsvg-convert"):
        drawn = subprocess.run(["rsvg-convert", str(path)], capture_output=True, check=True).stdout
        with Image.open(io.BytesIO(drawn)) as image:
            assert image.size == (640, 480)
            shades = np.asarray(image.convert("L"), float)
        assert np.median(shades) < 60 and shades.max() > 150
