"""Figures as SVG and PDF, looked at by programs that had no part in writing them: XML as such, PDF by its streams
and, where they are there, by poppler and librsvg. Of every kind of figure, at the widths of papers."""

import io
import json
import re
import shutil
import subprocess
import unicodedata
import zlib
from collections import Counter
from dataclasses import replace
from xml.etree import ElementTree

import numpy as np
import pytest
from PIL import Image as Pixels

from explorer.cli import main as command_line
from explorer.figures.figure import Equation, Picture, Plot, Series, Table
from explorer.figures.files import Source, cell_texts
from explorer.figures.marks import Arrows, Curve, Entry, Image, Legend, Points, Segments, Text
from explorer.figures.papers import LEAST_LINE, Choice, Paper, millimetres, paper, points
from explorer.figures.theme import LIGHT
from explorer.ui.figures.ink import SMALL, Ink
from explorer.ui.figures.key import key_of
from explorer.ui.figures.page import Page
from explorer.ui.figures.paint import paint_figure
from explorer.ui.figures.render import write_picture
from explorer.ui.painting.svg_painter import SvgPainter

SVG = "{http://www.w3.org/2000/svg}"
POPPLER, RSVG = shutil.which("pdftotext"), shutil.which("rsvg-convert")
STEPS = np.array([16.0, 32, 64, 128, 256, 512])
NAMES = (
    "Euler-Maruyama",
    "Reverse diffusion (β = 0.1)",
    "Heun's method, second order",
    "DPM-Solver++(2M)",
    "SRA1 + PC",
)
ROLES = ("drift", "score", "noise", "corrector", "data")
XY = np.random.default_rng(3).normal(size=(40, 2))
BLOB = np.exp(-(np.linspace(-2, 2, 60)[:, None] ** 2 + np.linspace(-2, 2, 60) ** 2))

FIGURES = {
    "curves": Plot(
        "Error against steps (N = 16 to 512)", "steps N", "strong error = E|x − y|", tuple(
            Series(name, STEPS, 10.0**-i / STEPS, role, points=True, error=0.2 * 10.0**-i / STEPS)
            for i, (name, role) in enumerate(zip(NAMES, ROLES, strict=True))
        ), log_x=True, log_y=True, about="Bars are ± 1 standard error over 8 seeds; guides have slope 1/2 and 1.",
    ),
    "marks": Plot(
        "Schedules", "t", "σ(t) = 3.72",
        (Series("VP", STEPS, STEPS**2), Series("VE", STEPS, 9 * STEPS, "noise", "dash")),
        marks=((100.0, "t = 0.61"), (110.0, "now"), (115.0, "later on")),
    ),
    "steps": Plot("Counts", "x", "n", (Series("", np.arange(6.0), np.array([1.0, 4, 2, 9, 3]), steps=True),)),
    "leaves the frame": Plot("Far", "x", "y", (Series("a", STEPS, np.array([1.0, 2, 3, 4, 5, np.inf])),)),
    "picture": Picture(
        "Density and paths (t = 0.25)", (
            Image(BLOB, (-2, 2, -2, 2)), Segments(XY, XY + 1.0, "accent", 0.8, fade=np.linspace(0, 1, 40)),
            Arrows(XY, 0.3 * XY, "score", 1.0),
            Curve(np.column_stack([np.linspace(-9, 9, 50)] * 2), "noise", 0.6, dash=True),
            Points(XY, "data", 4.0), Text((0.0, 0.0), "x₀ = (0, 1.5)"),
        ), (-2.0, 2.0, -2.0, 2.0), "x₁", "x₂", scale=(0.0, 0.159, "density per unit²"),
    ),
    "flat picture": Picture(
        "Space and time", (Image(BLOB, (0, 1, -3, 3)), Segments(XY, XY + 0.1, "accent", 0.3)),
        (0.0, 1.0, -3.0, 3.0), "t", "x", square=False,
    ),
    "table": Table(
        "Distances (n = 2,000)", ("method", "N", "energy distance ± spread", "W₁"),
        tuple((name, 2**i, 0.01234 * (i + 1), -0.5 / (i + 1)) for i, name in enumerate(NAMES)),
        "Energy distance to 20,000 draws (floor 0.0012).",
    ),
    "wide table": Table(
        "Predictor and corrector", ("SDE", "predictor", *(w for n in "ABCD" for w in (f"way {n}", "±")), "best"),
        tuple((sde, name, *(-0.001234 * (i + k) for k in range(8)), "way A") for sde in ("VP", "VE")
              for i, name in enumerate(NAMES)),
    ),
    "field": Picture(
        "A field with its key", (Image(BLOB, (-2, 2, -2, 2)), Arrows(XY, 0.3 * XY, "score", 1.0), Legend((
            Entry("score, learned", "score"), Entry("1", uv=(0.2, 0.0)), Entry("too long", uv=(3.0, 0.0)),
            Entry("w ∇log p", "corrector", arrow=True),
        ))), (-2.0, 2.0, -2.0, 2.0), "x₁", "x₂",
    ),
    "long words": Table(
        "What they mean", ("setting", "meaning"),
        (("beta_max", "The largest rate of the forward process: above 200 its ratio must be formed as one factor."),),
    ),
    "equation": Equation(
        "Reverse SDE", r"dx = \drift{f(x,t)} - \score{g(t)^2 s(x,t)} + \noise{g(t) w} \quad \sigma = \frac{a}{b}",
        "With s the score (1 = exact).",
    ),
}  # fmt: skip
SOURCE = Source(
    "Convergence",
    "Convergence · N = 16…512, seeds = 8 · VP (βₘᵢₙ = 0.1) · exact score · seed 0",
    words="Slope 0.98 ± 0.04.",
)
PAPERS = {
    "column": paper("column"), "page": paper("page"), "own": paper("120mm", 11.0), "small words": paper("84mm", 5.0),
    "plot only": paper("84mm", 8.0, plot_only=True, clear=True), "screen": None,
}  # fmt: skip
CASES = [(name, size) for name in FIGURES for size in PAPERS]


@pytest.fixture(scope="module")
def files(tmp_path_factory, one_application):
    """Every figure at every size as SVG and PDF, written once."""
    folder = tmp_path_factory.mktemp("figures")

    def written(name, size, ending):
        path = folder / f"{name} {size}{ending}"
        if not path.exists():
            write_picture(path, [FIGURES[name]], SOURCE, LIGHT, PAPERS[size])
        return path

    return written


def words_of(figure):
    """All words that a figure has (numbers of tables as they are typed are looked for elsewhere)."""
    match figure:
        case Plot():
            return [figure.title, figure.about, figure.x_label, figure.y_label, *(s.name for s in figure.series),
                    *(word for _, word in figure.marks)]  # fmt: skip
        case Picture():
            bar = [figure.scale[2]] if figure.scale else []
            return [
                figure.title,
                figure.x_label,
                figure.y_label,
                *bar,
                *(m.text for m in figure.marks if isinstance(m, Text)),
                *(e.text for m in figure.marks if isinstance(m, Legend) for e in m.entries if max(e.uv) < 1),
            ]
        case Table():
            return [
                figure.title,
                figure.about,
                *figure.columns,
                *(v for row in figure.rows for v in row if isinstance(v, str)),
            ]
    return [figure.title, figure.words]


def bare(text):
    """Without spaces and line ends, in the plain form of each character."""
    return re.sub(r"\s+", "", unicodedata.normalize("NFKC", text))


# --- PDF ------------------------------------------------------------------------------------------------------


def streams(path):
    """The decompressed streams of a PDF, as text."""
    for found in re.finditer(rb"stream\r?\n(.*?)\r?\nendstream", path.read_bytes(), re.S):
        try:
            yield zlib.decompress(found[1]).decode("latin1")
        except zlib.error:
            continue  # a picture or a font by another filter


def page_of(path):
    """The content of the page: the stream that paints."""
    return max((s for s in streams(path) if re.search(r"\bcm\b", s)), key=len)


def stroke_widths(content):
    """Widths in points of all strokes: Qt writes a stroke that is not scaled along as one, the others as outlines."""
    scale, stack, width, out = 1.0, [], 1.0, []
    for line in content.splitlines():
        for found in re.finditer(
            r"(?:(-?[\d.]+) (-?[\d.]+) (-?[\d.]+) (-?[\d.]+) -?[\d.]+ -?[\d.]+ cm)|(?:([\d.]+) w\b)|\b([qQS])\b",
            line,
        ):
            if found[1] is not None:
                scale *= abs(float(found[1]) * float(found[4]) - float(found[2]) * float(found[3])) ** 0.5
            elif found[5] is not None:
                width = float(found[5])
            elif found[6] == "q":
                stack.append((scale, width))
            elif found[6] == "Q":
                scale, width = stack.pop() if stack else (1.0, 1.0)
            else:
                out.append(scale * width)
    return out


@pytest.mark.parametrize("name, size", CASES)
def test_every_line_of_a_pdf_is_wide_enough(files, name, size):
    if name == "equation":
        pytest.skip("its letters are shapes without lines")
    widths = stroke_widths(page_of(files(name, size, ".pdf")))
    assert widths and min(widths) >= 0.99 * LEAST_LINE and max(widths) < 6


@pytest.mark.parametrize("name, size", CASES)
def test_the_words_of_a_pdf_are_found(files, name, size):
    if POPPLER is None:
        pytest.skip("needs pdftotext")
    said = subprocess.run(
        [POPPLER, "-raw", str(files(name, size, ".pdf")), "-"], capture_output=True, check=True
    ).stdout
    text, chosen = bare(said.decode()), PAPERS[size]
    alone = chosen is not None and chosen.plot_only
    figure = FIGURES[name]
    for words in words_of(figure):
        if alone and words in (figure.title, getattr(figure, "about", ""), getattr(figure, "words", "")):
            assert not words or bare(words) not in text
        else:
            for part in words.split():  # a word is whole, lines may be broken between two
                assert bare(part) in text, part
    assert (bare("seeds = 8") in text) == (not alone)
    assert not re.search("[\\ue000-\\uf8ff\\x00-\\x08]", said.decode())  # codes of no character


@pytest.mark.parametrize("size", [size for size in PAPERS if PAPERS[size] is not None])
def test_words_have_the_points_that_were_asked_for(files, size):
    """The sizes of the letters of a PDF, in points: those of axes and captions, and of the title."""
    chosen = PAPERS[size]
    content = page_of(files("curves", size, ".pdf"))
    whole, inner = (float(found) for found in re.findall(r"([\d.]+) 0 0 -?[\d.]+ \S+ \S+ cm", content)[:2])
    found = {round(whole * inner * float(size), 1) for size in re.findall(r"/F\d+ ([\d.]+) Tf", content)}
    wanted = {chosen.font} if chosen.plot_only else {chosen.font, chosen.font * 13 / 11}
    assert len(found) == len(wanted)
    assert all(abs(a - b) < 0.1 for a, b in zip(sorted(found), sorted(wanted), strict=True))


@pytest.mark.parametrize("size", [size for size in PAPERS if PAPERS[size] is not None])
def test_a_page_is_as_wide_as_it_was_asked_for(files, size):
    wide = points(PAPERS[size].width)
    box = re.search(rb"/MediaBox \[(.*?)\]", files("curves", size, ".pdf").read_bytes())[1].split()
    assert float(box[2]) == pytest.approx(wide, abs=1)
    root = ElementTree.parse(files("curves", size, ".svg")).getroot()
    assert float(root.get("width").removesuffix("mm")) == pytest.approx(PAPERS[size].width, rel=1e-4)
    assert float(root.get("height").removesuffix("mm")) == pytest.approx(
        float(box[3]) / wide * PAPERS[size].width, rel=0.01
    )


@pytest.mark.parametrize("size", ["column", "page"])
def test_a_table_that_is_too_wide_goes_on_below(files, size):
    """Every number once, in letters as large as all others; the columns of words again in each part, ± never alone."""
    if POPPLER is None:
        pytest.skip("needs pdftotext")
    path = files("wide table", size, ".pdf")
    said = subprocess.run(
        [POPPLER, "-layout", str(path), "-"], capture_output=True, check=True
    ).stdout.decode()
    heads = [line.split() for line in said.splitlines() if line.strip().startswith("SDE")]
    parts = [head for head in heads if head[:2] == ["SDE", "predictor"]]
    assert len(parts) == len(heads) == {"column": 4, "page": 1}[size]
    assert all(part[-1] in ("±", "best") and part[2] != "±" for part in parts)
    table = FIGURES["wide table"]
    values = Counter(words for row in table.rows for words in cell_texts(table, row) if words.startswith("−"))
    assert Counter(re.findall(r"−0[.]\d+", said)) == values
    letters = set(re.findall(r"/F\d+ ([\d.]+) Tf", page_of(path)))
    assert letters == set(re.findall(r"/F\d+ ([\d.]+) Tf", page_of(files("table", size, ".pdf"))))


@pytest.mark.parametrize("name, size", [("field", "column"), ("field", "screen")])
def test_the_key_of_arrows_stands_above_the_image(files, name, size):
    root = ElementTree.parse(files(name, size, ".svg")).getroot()
    places = {words: (left, bottom) for left, _, _, bottom, words in boxes_of_letters(root)}
    assert "too long" not in places
    rows = [places[words][1] for words in ("score, learned", "w ∇log p")]
    ticks = [places[words][1] for words in places if words in ("−1", "0", "1.5", "2", "−2")]
    assert max(rows) < min(ticks) and places["score, learned"][0] < places["w ∇log p"][0]


# --- SVG ------------------------------------------------------------------------------------------------------


def numbers(text):
    return [float(v) for v in re.findall(r"-?\d+(?:\.\d+)?(?:e-?\d+)?", text)]


@pytest.mark.parametrize("name, size", CASES)
def test_an_svg_needs_no_font_and_keeps_its_words(files, name, size):
    text = files(name, size, ".svg").read_text(encoding="utf-8")
    root = ElementTree.fromstring(text)
    assert not list(root.iter(f"{SVG}text")) and "font-family" not in text and "<style" not in text
    labels = bare("".join(e.get("aria-label", "") for e in root.iter()))
    chosen, figure = PAPERS[size], FIGURES[name]
    if chosen is None or not chosen.plot_only:
        assert all(bare(part) in labels for words in words_of(figure) for part in words.split())
    assert root.find(f"{SVG}title").text == SOURCE.title and root.find(f"{SVG}desc").text == SOURCE.caption


def boxes_of_letters(root):
    """(left, right, top, bottom, words) of every line of letters; those within formulas move with their group."""
    for element in root.iter(f"{SVG}path"):
        words = element.get("aria-label")
        if words:
            xs, ys = numbers(element.get("d"))[::2], numbers(element.get("d"))[1::2]
            yield min(xs), max(xs), min(ys), max(ys), words


@pytest.mark.parametrize("name, size", CASES)
def test_nothing_runs_off_the_page_and_words_do_not_overlap(files, name, size):
    root = ElementTree.parse(files(name, size, ".svg")).getroot()
    _, _, wide, high = numbers(root.get("viewBox"))
    for group in root.findall(f"{SVG}g"):  # what is clipped may reach beyond its frame, nothing else
        if group.get("clip-path"):
            root.remove(group)
    boxes = list(boxes_of_letters(root))
    for left, right, top, bottom, words in boxes:
        assert left >= -0.5 and right <= wide + 0.5 and top >= -0.5 and bottom <= high + 0.5, words
    for i, a in enumerate(boxes):
        for b in boxes[i + 1 :]:
            across = min(a[1], b[1]) - max(a[0], b[0])
            down = min(a[3], b[3]) - max(a[2], b[2])
            assert across <= 0.5 or down <= 0.5, (a[4], b[4])
    for line in root.iter(f"{SVG}line"):
        x = [float(line.get(k)) for k in ("x1", "x2")]
        y = [float(line.get(k)) for k in ("y1", "y2")]
        assert min(x) >= -1 and max(x) <= wide + 1 and min(y) >= -1 and max(y) <= high + 1


@pytest.mark.parametrize("name", [n for n in FIGURES if isinstance(FIGURES[n], Plot | Picture)])
def test_curves_and_pictures_are_clipped_to_their_frame(files, name):
    root = ElementTree.parse(files(name, "column", ".svg")).getroot()
    clips = {c.get("id"): c.find(f"{SVG}rect") for c in root.iter(f"{SVG}clipPath")}
    _, _, wide, high = numbers(root.get("viewBox"))
    groups = [g for g in root.iter(f"{SVG}g") if g.get("clip-path")]
    assert groups
    for group in groups:
        rect = clips[group.get("clip-path")[5:-1]]
        x, y, w, h = (float(rect.get(k)) for k in ("x", "y", "width", "height"))
        assert x >= 0 and x + w <= wide + 3 and y >= 0 and y + h <= high
    inside = [e for g in groups for tag in ("polyline", "line", "image") for e in g.iter(f"{SVG}{tag}")]
    assert inside
    outside = [e for e in root.iter(f"{SVG}polyline") if e not in inside]
    assert not outside


@pytest.mark.parametrize("name, size", CASES)
def test_lines_of_an_svg_are_wide_enough(files, name, size):
    root = ElementTree.parse(files(name, size, ".svg")).getroot()
    chosen, (_, _, wide, _) = PAPERS[size], numbers(root.get("viewBox"))
    a_pixel = 0.75 if chosen is None else points(chosen.width) / wide
    rims = {e for e in root.iter() if e.get("aria-hidden")}  # around letters, and half of it below them
    widths = [
        float(e.get("stroke-width")) * a_pixel for e in root.iter() if e.get("stroke-width") and e not in rims
    ]
    assert name == "equation" or (widths and min(widths) >= 0.98 * LEAST_LINE)


@pytest.mark.parametrize("name", FIGURES)
def test_both_look_the_same_to_other_programs(files, name, tmp_path):
    """The PDF drawn by poppler and the SVG by librsvg."""
    if RSVG is None or shutil.which("pdftoppm") is None:
        pytest.skip("needs pdftoppm and rsvg-convert")
    svg, pdf = (files(name, "column", ending) for ending in (".svg", ".pdf"))
    drawn = subprocess.run(
        [RSVG, "-w", "600", "-h", "900", "--keep-aspect-ratio", str(svg)], capture_output=True, check=True
    )
    a = Pixels.open(io.BytesIO(drawn.stdout)).convert("L")
    sides = ["-scale-to-x", str(a.width), "-scale-to-y", str(a.height)]
    subprocess.run(["pdftoppm", "-singlefile", "-png", *sides, str(pdf), str(tmp_path / "page")], check=True)
    b = Pixels.open(tmp_path / "page.png").convert("L")
    small = [np.asarray(image.resize((60, 60), Pixels.Resampling.BOX), float) for image in (a, b)]
    assert a.size == b.size and min(image.min() for image in small) < 225
    assert np.abs(small[0] - small[1]).mean() < 4


# --- the page ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("width, where", [(300.0, "below"), (700.0, "beside"), (1400.0, "above")])
def test_the_key_goes_where_there_is_room(width, where, one_application):
    assert key_of(FIGURES["curves"], width, 300.0, Ink(LIGHT)).where == where


@pytest.mark.parametrize("width", [260.0, 327.0, 500.0, 760.0, 1400.0])
@pytest.mark.parametrize("name", [n for n in FIGURES if isinstance(FIGURES[n], Plot)])
def test_no_word_covers_the_curves(name, width, one_application):
    from PySide6.QtCore import QRectF

    painter = SvgPainter(width, 420.0)
    ink = Ink(LIGHT, quality="vector", whole=True)
    area = paint_figure(painter, FIGURES[name], QRectF(0, 0, width, 420.0), ink)
    root = ElementTree.fromstring(painter.text("1", "1", "", ""))
    for left, right, top, bottom, words in boxes_of_letters(root):
        across = min(right, area.rect.right()) - max(left, area.rect.left())
        down = min(bottom, area.rect.bottom()) - max(top, area.rect.top())
        assert across <= 0 or down <= 0, words


def test_a_slide_is_16_to_9_and_refuses_what_has_no_room(tmp_path):
    path = tmp_path / "a.png"
    write_picture(path, [FIGURES["curves"]], SOURCE, LIGHT, paper("slide", 14.0))
    with Pixels.open(path) as image:
        assert image.width / image.height == pytest.approx(16 / 9, rel=0.002)
        assert image.info["dpi"][0] == pytest.approx(300, rel=0.01)
    with pytest.raises(ValueError, match="slide"):
        write_picture(path, list(FIGURES.values()), SOURCE, LIGHT, paper("slide", 40.0))
    assert path.stat().st_size > 1000


def test_a_clear_ground_is_clear(tmp_path):
    for clear in (False, True):
        write_picture(tmp_path / "a.png", [FIGURES["steps"]], SOURCE, LIGHT, paper("column", clear=clear))
        with Pixels.open(tmp_path / "a.png") as image:
            corner = image.convert("RGBA").getpixel((2, 2))
        assert corner == ((0, 0, 0, 0) if clear else (255, 255, 255, 255))


@pytest.mark.parametrize("name", FIGURES)
def test_the_page_flows_anew_at_every_width(name, one_application):
    pages = [
        Page([FIGURES[name]], SOURCE, LIGHT, replace(paper("page"), width=w), vector=True)
        for w in (60.0, 120.0, 300.0)
    ]
    assert [round(p.width * 8 / SMALL) for p in pages] == [round(points(w)) for w in (60.0, 120.0, 300.0)]
    feet = [len(p._foot) for p in pages]
    assert feet == sorted(feet, reverse=True)


@pytest.mark.parametrize(
    "words, mm",
    [("column", 83.82), ("PAGE", 175.26), ("84mm", 84), ("3.3 in", 83.82), ("240pt", 84.667), ("8.4cm", 84)],
)
def test_widths_in_words(words, mm):
    assert millimetres(words) == pytest.approx(mm, abs=1e-3)


@pytest.mark.parametrize("words", ["", "84", "wide", "-3mm", "84 px", "1e9mm", "nanmm", "0mm"])
def test_what_is_no_width_is_refused(words):
    with pytest.raises(ValueError, match="mm"):
        paper(words)


@pytest.mark.parametrize("font", [0.0, -1.0, float("nan"), 1e6])
def test_words_of_no_size_are_refused(font):
    with pytest.raises(ValueError, match="points"):
        Paper(84.0, font)


def test_a_slide_has_larger_words_unless_they_were_chosen():
    page = Choice(width="page")
    slide = replace(page, width="slide").after(page)
    assert slide.font == 18 and replace(slide, width="page").after(slide).font == 8
    chosen = replace(page, font=9.0)
    assert replace(chosen, width="slide").after(chosen).font == 9
    assert replace(page, width="own", own=60.0).paper.width == pytest.approx(60)


# --- the shell --------------------------------------------------------------------------------------------------


@pytest.fixture
def experiment(tmp_path):
    path = tmp_path / "e.json"
    path.write_text(json.dumps({"sampler": {"steps": 5, "particles": 40}, "score": {"source": "exact"}}))
    return str(path)


def test_a_laboratory_for_a_column(experiment, tmp_path, capsys):
    out = tmp_path / "a"
    argv = ["lab", "schedules", experiment, "--quick", "--figure", "1", "--width", "84mm", "--font-size", "8"]
    assert (
        command_line(
            [*argv, "--plot-only", "--out", f"{out}.svg", "--out", f"{out}.pdf", "--out", f"{out}.png"]
        )
        == 0
    )
    title = json.loads(capsys.readouterr().out)["figures"][0]["title"]
    text = (tmp_path / "a.svg").read_text(encoding="utf-8")
    assert 'width="84mm"' in text and f'aria-label="{title}"' not in text
    with Pixels.open(tmp_path / "a.png") as image:
        assert image.width == pytest.approx(84 / 25.4 * 300, abs=2)


@pytest.mark.parametrize(
    "more, said",
    [
        (["--width", "84", "--out", "a.pdf"], "84mm"),
        (["--width", "5mm", "--out", "a.pdf"], "40"),
        (["--font-size", "0", "--out", "a.svg"], "points"),
        (["--plot-only", "--out", "a.csv"], "--plot-only"),
        (["--width", "column"], "--width"),
    ],
)
def test_a_paper_that_cannot_be_is_said_before_the_run(experiment, tmp_path, monkeypatch, capsys, more, said):
    monkeypatch.chdir(tmp_path)
    assert command_line(["lab", "schedules", experiment, *more]) == 2
    assert said in capsys.readouterr().err and not list(tmp_path.glob("a.*"))
