"""Files of every kind: what is read is read right, and what is refused is refused in one sentence."""

import io
import struct
import zipfile
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image, ImageDraw

from explorer.data.distributions import DISTRIBUTIONS
from explorer.data.distributions.geometry import MAX_POINTS
from explorer.data.distributions.points import USUAL
from explorer.data.imports import DataFileError, from_strokes, read_data, read_image, read_points
from explorer.data.imports.base import hilbert, spread

MOONS = DISTRIBUTIONS["two_moons"]().sample(300, 0).astype(np.float64) * 3 + (5, -1)


def written(tmp_path, name, content):
    path = tmp_path / name
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return path


def csv(rows, separator=",", header="", end="\n"):
    return header + end.join(separator.join(f"{v:.9g}" for v in row) for row in rows) + end


def npy(array, **kwargs):
    out = io.BytesIO()
    np.save(out, array, **kwargs)
    return out.getvalue()


def npz(**arrays):
    out = io.BytesIO()
    np.savez(out, **arrays)
    return out.getvalue()


def picture(mode="L", form="PNG", size=(60, 40)):
    image = Image.new("RGB", size, "white")
    ImageDraw.Draw(image).rectangle((5, 5, 20, 30), fill="black")
    out = io.BytesIO()
    image.convert(mode).save(out, form)
    return out.getvalue()


def refused(path, match, reader=read_data):
    with pytest.raises(DataFileError, match=match) as caught:
        reader(path)
    message = str(caught.value)
    assert message.startswith(path.name) and "\n" not in message and len(message) < 200


# --- tables and arrays that are good ------------------------------------------------------------------------

GOOD = {
    "comma.csv": csv(MOONS),
    "spaces after.csv": csv(MOONS, ", "),
    "header.csv": csv(MOONS, header="x,y\n"),
    "comment.txt": csv(MOONS, " ", header="# made by hand\n\n"),
    "quoted.csv": csv(MOONS, header='"the x","the y"\n'),
    "tab.tsv": csv(MOONS, "\t"),
    "spaces.txt": csv(MOONS, "   "),
    "semicolon.csv": csv(MOONS, ";"),
    "decimal comma.csv": csv(MOONS, ";").replace(".", ","),
    "windows.csv": "\ufeff" + csv(MOONS, end="\r\n"),
    "utf-16.csv": csv(MOONS, header="x,y\n").encode("utf-16"),
    "utf-16 big endian.csv": ("\ufeff" + csv(MOONS, ";")).encode("utf-16-be"),
    "utf-32.txt": csv(MOONS, "\t").encode("utf-32"),
    "doubles.npy": npy(MOONS),
    "fortran.npy": npy(np.asfortranarray(MOONS)),
    "big endian.npy": npy(MOONS.astype(">f4")),
    "rows.npy": npy(np.ascontiguousarray(MOONS.T)),
    "one.npz": npz(anything=MOONS),
    "several.npz": npz(other=np.zeros(3), points=MOONS),
}


@pytest.mark.parametrize("name", GOOD)
def test_good_files(tmp_path, name):
    got = read_points(written(tmp_path, name, GOOD[name]))
    assert got.rows == 300 and got.dropped == 0
    assert got.sentence.startswith(f"{name}: 300 rows read") and got.sentence.endswith(".")
    assert np.allclose(got.points.mean(axis=0), 0, atol=1e-9) and got.points.std() == pytest.approx(1)
    assert np.allclose(got.original(got.points), MOONS, atol=1e-5)
    distribution = got.distribution()
    assert distribution.note == got.sentence
    assert np.array_equal(distribution.mixture.means, got.points)
    assert distribution.mixture.std == pytest.approx(1, abs=0.02)


def test_shapes_are_kept(tmp_path):
    wide = MOONS * (100, 1)
    got = read_points(written(tmp_path, "wide.csv", csv(wide)))
    assert got.points[:, 0].std() > 20 * got.points[:, 1].std()


def test_more_columns(tmp_path):
    got = read_points(written(tmp_path, "wide.csv", csv(np.column_stack([MOONS, MOONS]), header="a,b,c,d\n")))
    assert "columns a and b of 4 taken" in got.sentence
    assert np.allclose(got.original(got.points), MOONS, atol=1e-5)
    assert (
        "columns 1 and 2 of 3 taken"
        in read_points(written(tmp_path, "w.npy", npy(np.ones((4, 3)) * np.c_[3:7]))).sentence
    )


def test_rows_without_numbers_are_dropped_and_counted(tmp_path):
    holes = MOONS.copy()
    holes[3, 0], holes[50, 1], holes[51] = np.nan, np.inf, -np.inf
    for name, content in (
        ("a.csv", csv(holes)),
        ("a.npy", npy(holes)),
        ("b.csv", csv(MOONS) + ",\nNA,1\n2,null\n"),
    ):
        got = read_points(written(tmp_path, name, content))
        assert got.dropped == 3 and sum(got.left_out.values()) == 3 and "left out" in got.sentence


@pytest.mark.parametrize("ordered", [False, True])
@pytest.mark.parametrize("name", ["a.csv", "a.npy"])
def test_a_huge_file_is_sampled_evenly(tmp_path, monkeypatch, name, ordered):
    monkeypatch.setattr("explorer.data.imports.base.MAX_ROWS", 5000)
    # made with the seed that anybody would take, and then ordered
    x = DISTRIBUTIONS["unequal_modes"]().mixture.sample(40_000, np.random.default_rng(0))[0]
    x = x[np.argsort(x[:, 0])] if ordered else x
    got = read_points(written(tmp_path, name, csv(x) if name == "a.csv" else npy(x)))
    assert got.rows == 40_000 and len(got.points) == USUAL and len(got.held_out) == 500
    assert (
        "40,000 rows read, a random 5,000 of them looked at, 500 held out for validation, 2,000 kept"
        in got.sentence
    )
    assert np.mean(got.original(got.points)[:, 0] < 0.6) == pytest.approx(0.8, abs=0.02)


def test_a_hilbert_curve_steps_from_cell_to_cell():
    cells = np.stack(np.meshgrid(np.arange(16.0), np.arange(16.0)), axis=-1).reshape(-1, 2)
    place = hilbert(cells, bits=4)
    assert sorted(place) == list(range(256))
    assert np.allclose(np.abs(np.diff(cells[np.argsort(place)], axis=0)).sum(axis=1), 1)


def test_support_points_are_spread_evenly():
    x = np.random.default_rng(0).random((20_000, 2))
    support = spread(x, np.ones(len(x)), 1000)
    assert len(support) == 1000 and len(np.unique(support, axis=0)) == 1000
    counts = np.histogram2d(*support.T, bins=5, range=[[0, 1], [0, 1]])[0]
    # independent draws would have a standard deviation of 6.2 around 40
    assert np.abs(counts - 40).max() <= 8 and counts.std() < 4
    nearest = np.sort(np.hypot(*(support[:, None] - support[None]).transpose(2, 0, 1)), axis=1)[:, 1]
    assert np.median(nearest) > 0.6 * 1000**-0.5


# --- tables and arrays that are not -------------------------------------------------------------------------

BAD = {
    "empty.csv": ("", "is empty"),
    "blank.csv": ("\n  \n\n", "is empty"),
    "header only.csv": ("x,y\n", "is empty"),
    "one row.csv": ("1,2\n", "1 row with two finite numbers \\(of 1\\)"),
    "holes.csv": ("1,2\nnan,3\n,\n", "1 row with two finite numbers \\(of 3\\)"),
    "short row.csv": ("1,2\n3,4\n5\n", "1 field in line 3"),
    "constant.csv": ("1,2\n1,2\n1,2\n", "constant data"),
    "nearly constant.csv": ("1e9,1\n1.0000000000000001e9,1\n", "constant data"),
    "text.csv": ("x,y\n1,2\n\n3,abc\n", "has 'abc' in line 4, where a number should be"),
    "half header.csv": ("1,y\n1,2\n", "has 'y' in line 1"),
    "prose.txt": ("This is no table at all.\nReally not.\n", "no column of numbers"),
    "huge.csv": ("1,2\n1e200,3\n", "too large"),
    "long.csv": ("1," * 100_000, "line 1 has more than"),
    "binary.csv": (bytes(range(256)) * 8, "no text"),
    "long word.csv": ("1,2\n1," + "a" * 500 + "\n", "in line 2"),
    "empty.npy": (b"", "is empty"),
    "text.npy": ("1,2\n3,4\n", "damaged"),
    "object.npy": (npy(np.array([[1, None]], object)), "Python objects"),
    "complex.npy": (npy(np.ones((3, 2), complex)), "complex128.*not real"),
    "bool.npy": (npy(np.ones((3, 2), bool)), "bool.*not real"),
    "words.npy": (npy(np.array([["a", "b"]])), "not real"),
    "cube.npy": (npy(np.zeros((2, 2, 2))), r"shape '\(2, 2, 2\)'"),
    "scalar.npy": (npy(np.array(3.0)), r"shape '\(\)'"),
    "nothing.npy": (npy(np.zeros((0, 2))), "is empty"),
    "constant.npy": (npy(np.ones((5, 2))), "constant data"),
    "cut.npy": (npy(MOONS)[:-100], "cut short"),
    "nan.npy": (npy(np.full((5, 2), np.nan)), "no row"),
    "empty.npz": (b"", "is empty"),
    "noise.npz": (b"PK\3\4" + bytes(100), "damaged"),
    "no array.npz": (b"PK\5\6" + bytes(18), "no array"),
    "object.npz": (npz(points=np.array([[1, None]], object)), "no array of points.*object"),
    "damaged.npz": (npz(points=MOONS).replace(MOONS[7].tobytes(), bytes(16)), "damaged"),
}


@pytest.mark.parametrize("name", BAD)
def test_bad_files(tmp_path, name):
    content, match = BAD[name]
    refused(written(tmp_path, name, content), match)


def claiming(shape):
    """An .npy header that claims a shape, with no data after it."""
    header = f"{{'descr': '<f8', 'fortran_order': False, 'shape': {shape}, }}".ljust(117) + "\n"
    return b"\x93NUMPY\x01\x00" + struct.pack("<H", len(header)) + header.encode()


@pytest.mark.parametrize("shape", [(10**12, 2), (10**30, 2), (2, 10**12)])
def test_arrays_that_claim_to_be_gigantic(tmp_path, shape):
    refused(written(tmp_path, "claim.npy", claiming(shape)), "cut short")
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        archive.writestr("points.npy", claiming(shape))
    refused(written(tmp_path, "claim.npz", out.getvalue()), "cut short")


def test_a_zip_bomb(tmp_path, monkeypatch):
    monkeypatch.setattr("explorer.data.imports.arrays.MAX_UNPACKED", 10**6)
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("points.npy", npy(np.zeros((10**6, 2))))
    assert len(out.getvalue()) < 10**5
    refused(written(tmp_path, "bomb.npz", out.getvalue()), "unpacks to 16,000,128 bytes")


@pytest.mark.parametrize("name", ["a.csv", "a.npy", "a.npz", "a.png"])
def test_files_that_are_not_there(tmp_path, name):
    refused(tmp_path / name, "cannot be read: No such file")
    (tmp_path / name).mkdir()
    refused(tmp_path / name, "cannot be read")


# --- pictures -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("mode", "form"), [
    ("L", "PNG"), ("RGB", "PNG"), ("1", "PNG"), ("P", "PNG"), ("RGB", "JPEG"), ("CMYK", "JPEG"), ("L", "BMP"),
    ("RGB", "WEBP"), ("L", "GIF"),
])  # fmt: skip
def test_darkness_is_the_density(tmp_path, mode, form):
    got = read_data(written(tmp_path, f"a.{form.lower()}", picture(mode, form)))
    assert 400 < len(got.points) <= MAX_POINTS
    where = got.original(got.points)
    # the black rectangle, with y upwards; JPEG leaves some shade around it
    inside = (where > (4, 40 - 32)).all(axis=1) & (where < (22, 40 - 4)).all(axis=1)
    assert inside.mean() > (0.97 if form == "JPEG" else 0.9999)
    assert where.mean(axis=0) == pytest.approx([13, 22], abs=0.3)
    assert 0.02 <= got.jitter <= 0.3 and "60 by 40 pixels" in got.sentence


def test_half_dark_has_half_the_points(tmp_path):
    grey = np.full((40, 80), 255, np.uint8)
    grey[10:30, 10:30], grey[10:30, 50:70] = 0, 128
    Image.fromarray(grey).save(tmp_path / "a.png")
    got = read_image(tmp_path / "a.png")
    assert np.mean(got.original(got.points)[:, 0] < 40) == pytest.approx(2 / 3, abs=0.02)


def test_transparent_is_white(tmp_path):
    image = Image.new("RGBA", (40, 40), (0, 0, 0, 0))
    image.paste((0, 0, 0, 255), (5, 5, 15, 15))
    image.save(tmp_path / "a.png")
    got = read_image(tmp_path / "a.png")
    assert (got.original(got.points)[:, 0] < 16).all()


def test_sixteen_bits(tmp_path):
    deep = np.full((30, 30), 60_000, np.uint16)
    deep[5:10] = 30_000
    Image.fromarray(deep).save(tmp_path / "a.png")
    got = read_image(tmp_path / "a.png")
    assert got.original(got.points)[:, 1].min() >= 20


def test_pictures_that_are_not(tmp_path, monkeypatch):
    out = io.BytesIO()
    Image.new("L", (30, 30), 200).save(out, "PNG")
    refused(written(tmp_path, "blank.png", out.getvalue()), "blank")
    refused(written(tmp_path, "text.png", "hello"), "no image of a known kind")
    refused(written(tmp_path, "empty.png", b""), "no image of a known kind")
    refused(written(tmp_path, "cut.png", picture(size=(400, 400))[:200]), "damaged")
    monkeypatch.setattr("explorer.data.images.square.MOST_PIXELS", 1000)
    refused(written(tmp_path, "large.png", picture()), "too large: 60 by 40")


def test_a_picture_that_claims_to_be_gigantic(tmp_path):
    def chunk(kind, data):
        import zlib

        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    head = chunk(b"IHDR", struct.pack(">IIBBBBB", 100_000, 100_000, 8, 0, 0, 0, 0))
    refused(written(tmp_path, "bomb.png", b"\x89PNG\r\n\x1a\n" + head + chunk(b"IDAT", b"x")), "too large")


# --- strokes ------------------------------------------------------------------------------------------------


def test_strokes():
    points = from_strokes([np.array([[0.0, 0.0], [1.0, 0.0]]), np.array([[3.0, 3.0]])], spacing=0.1)
    assert len(points) == 11 and np.allclose(np.diff(points[:10, 0]), 0.1) and np.allclose(points[10], 3)
    scribble = [np.random.default_rng(i).normal(size=(100, 2)) for i in range(1500)]
    assert len(from_strokes(scribble)) <= MAX_POINTS
    assert len(from_strokes([[[0, 0], [np.nan, 1], [1, 1]]])) > 10
    with pytest.raises(DataFileError, match="nothing was drawn"):
        from_strokes([])
    with pytest.raises(DataFileError, match="nothing was drawn"):
        from_strokes([np.empty((0, 2))])


# --- files that were changed by chance ----------------------------------------------------------------------

SEEDS = {
    "a.csv": csv(MOONS[:20], header="x,y\n").encode(),
    "b.csv": csv(MOONS[:20], ";").encode(),
    "a.npy": npy(MOONS[:20]),
    "a.npz": npz(points=MOONS[:20]),
    "a.png": picture(),
    "a.gif": picture(form="GIF"),
    "a.jpg": picture(form="JPEG"),
    "a.bmp": picture(form="BMP"),
    "a.webp": picture(form="WEBP"),
}
edits = st.lists(
    st.tuples(st.integers(0, 10**6), st.binary(max_size=6), st.integers(0, 6)), min_size=1, max_size=5
)


@pytest.mark.parametrize("size", [1e49, 1e51, 1e99, 1e101, 1e300])
@pytest.mark.parametrize("ending", ["npy", "csv"])
def test_what_is_read_can_be_used_however_large(tmp_path, size, ending):
    path = tmp_path / f"a.{ending}"
    points = size * np.array([[0.5, 1.0], [1.0, -1.0], [-0.25, 0.5]])
    if ending == "npy":
        np.save(path, points)
    else:
        np.savetxt(path, points, delimiter=",")
    try:
        assert np.isfinite(read_data(path).distribution().mixture.means).all()
    except DataFileError as error:
        assert path.name in str(error) and size > 1e50


@pytest.mark.parametrize("name", SEEDS)
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(edits=edits)
def test_changed_files_are_read_or_refused(tmp_path: Path, name, edits):
    content = SEEDS[name]
    for at, put, cut in edits:
        at %= len(content) + 1
        content = content[:at] + put + content[at + cut :]
    path = written(tmp_path, name, content)
    try:
        got = read_data(path)
    except DataFileError as error:
        assert str(error).startswith(name) and "\n" not in str(error)
    else:
        assert np.isfinite(got.distribution().mixture.means).all()
