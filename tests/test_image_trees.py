"""Trees of folders as people have them, and images in arrays: what is learned from and what is left out is said."""

import gzip
import io
import json
import os
import pickle
import struct
import subprocess
import sys
import zipfile

import numpy as np
import pytest
from PIL import Image, features

from explorer.base import paths
from explorer.cli import main
from explorer.data.images import arrays, square
from explorer.data.images import folder as folders
from explorer.data.images.archive import ImageError
from explorer.data.images.folder import Folder, Remote, is_images, read, read_folder
from explorer.data.images.square import FORMAT_OF, square_of
from explorer.data.images.tree import split_of
from explorer.data.imports import read_image
from explorer.experiment.defaults import with_data
from explorer.experiment.schema import Experiment
from explorer.guidance.own_image import own_levels
from explorer.session import document
from explorer.session.document import Document


@pytest.fixture(autouse=True)
def fresh():
    folders.forget()
    folders._agreed.clear()


def image(level, path, side=12, mode="L"):
    """A square of one grey with a brighter corner, so that it is known again and not plain."""
    levels = np.full((side, side), level, np.uint8)
    levels[: side // 2, : side // 2] = min(level + 60, 255)
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(levels).convert(mode).save(path)


def make(folder, **counts):
    """So many images below each folder; "__" stands for "/". All of a folder have the level of its number."""
    for number, (name, count) in enumerate(counts.items()):
        for i in range(count):
            image(10 * number % 190, folder.joinpath(*name.split("__")) / f"{i:02}.png")


def found(path, side=16, colour=False):
    return read_folder(str(path), (), side, colour)


def counted(data):
    """How many images of each class, (to learn from, held out)."""
    return tuple(
        {data.label_names[c]: int((p.labels == c).sum()) for c in range(len(data.label_names))}
        for p in (data.train, data.held_out)
    )


# --- trees ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("train", "test"),
    [
        ("train", "test"), ("Train", "TEST"), ("training", "testing"), ("train", "val"), ("train", "valid"),
        ("training_set", "validation_set"), ("train2017", "val2017"), ("seg_train__seg_train", "seg_test__seg_test"),
        ("data__images__train", "data__images__dev"), ("train__images", "test"), ("a__b__train", "a__b__holdout"),
    ],
)  # fmt: skip
def test_splits_are_no_classes_and_one_is_the_validation_set(tmp_path, train, test):
    make(tmp_path, **{f"{train}__cats": 6, f"{train}__dogs": 5, f"{test}__cats": 2, f"{test}__dogs": 3})
    data = found(tmp_path)
    assert counted(data) == ({"cats": 6, "dogs": 5}, {"cats": 2, "dogs": 3})
    assert "11 images in 2 classes (cats, dogs)" in data.sentence and "validation set: 5 of" in data.sentence
    assert "left out" not in data.sentence
    # of each class the images are its own
    for pixels, levels in ((data.train, (0, 10)), (data.held_out, (20, 30))):
        assert (pixels.images[:, 0, -1, -1] == np.array(levels)[pixels.labels]).all()


def test_of_three_splits_the_validation_set_is_held_out_and_the_test_set_said(tmp_path):
    make(tmp_path, train__a=6, train__b=6, val__a=2, val__b=1, test__a=4, test__b=4)
    data = found(tmp_path)
    assert counted(data) == ({"a": 6, "b": 6}, {"a": 2, "b": 1})
    assert "test (8 images) is not read" in data.sentence


@pytest.mark.parametrize("inside", ["{c}__{s}", "{s}__{c}", "{s}__deep__{c}__deeper"])
def test_splits_may_stand_above_or_below_the_classes(tmp_path, inside):
    make(
        tmp_path,
        **{inside.format(c=c, s=s): 4 if s == "train" else 2 for c in "pq" for s in ("train", "test")},
    )
    assert counted(found(tmp_path)) == ({"p": 4, "q": 4}, {"p": 2, "q": 2})


def test_splits_without_classes(tmp_path):
    make(tmp_path, train=7, test=3)
    data = found(tmp_path)
    assert (len(data.train), len(data.held_out), data.label_names) == (7, 3, ())


def test_a_split_without_the_classes_of_the_other_is_said(tmp_path):
    make(tmp_path, train__a=10, train__b=10, test=6)
    data = found(tmp_path)
    assert counted(data)[0].keys() == {"a", "b"} and len(data.train) + len(data.held_out) == 20
    assert "6 images of none of the classes in test" in data.sentence
    folders.forget()
    make(tmp_path, test__a=2, test__c=3)
    assert "9 images of none of the classes in test" in found(tmp_path).sentence


@pytest.mark.parametrize("names", [("car", "plane", "train"), ("test", "control"), ("left", "val")])
def test_a_class_may_be_called_as_a_split_is(tmp_path, names):
    make(tmp_path, **dict.fromkeys(names, 4))
    assert found(tmp_path).label_names == tuple(sorted(names))


def test_a_split_alone_is_all_there_is(tmp_path):
    make(tmp_path, test__a=4, test__b=4)
    assert found(tmp_path).label_names == ("a", "b")


@pytest.mark.parametrize(
    ("name", "split"),
    [("train", "train"), ("Validation", "validation"), ("val", "validation"), ("t10k", "test"), ("x_train", "train"),
     ("test_images", "test"), ("train2017", "train"), ("trainer", ""), ("bullet train", ""), ("testudo", ""),
     ("train_test", ""), ("cats", ""), ("validity", "")],
)  # fmt: skip
def test_names_of_splits(name, split):
    assert split_of(name) == split


def test_loose_images_beside_class_folders_are_said(tmp_path):
    make(tmp_path, a=5, b=5)
    for i in range(3):
        image(99, tmp_path / f"loose{i}.png")
    data = found(tmp_path)
    assert data.label_names == ("a", "b") and len(data.train) + len(data.held_out) == 10
    assert "left out: 3 images beside the class folders" in data.sentence
    for i in range(20):
        image(99, tmp_path / f"more{i}.png")
    folders.forget()
    data = found(tmp_path)
    assert len(data.train) + len(data.held_out) == 33 and data.label_names == ()
    assert "most images lie beside the 2 subfolders: read without classes" in data.sentence


@pytest.mark.parametrize("classes", [2, 100, 101, 120])
def test_more_classes_than_are_carried_are_said(tmp_path, classes):
    make(tmp_path, **{f"c{i:03}": 2 for i in range(classes)})
    data = found(tmp_path)
    assert len(data.train) + len(data.held_out) == 2 * classes
    assert len(data.label_names) == (classes if classes <= 100 else 0)
    assert (f"{classes} class folders" in data.sentence) == (classes > 100)


def test_a_flat_folder_with_one_below_is_taken_whole(tmp_path):
    make(tmp_path, extra=3)
    for i in range(6):
        image(50 + i, tmp_path / f"{i}.png")
    data = found(tmp_path)
    assert len(data.train) + len(data.held_out) == 9 and data.label_names == ()


def test_what_is_left_out_is_counted_by_kind_and_place(tmp_path):
    make(tmp_path, a=6, b=6)
    image(5, tmp_path / "a" / "tiny.png", side=4)
    (tmp_path / "b" / "broken.jpg").write_bytes(b"no image")
    for name in ("a/x.txt", "a/y.txt", "b/z.txt", "labels.csv", "b/.hidden.png", "film.mp4"):
        (tmp_path / name).write_text("words")
    (tmp_path / ".cache").mkdir()
    os.symlink(tmp_path / "a", tmp_path / "b" / "link")
    said = found(tmp_path).sentence
    for part in (
        "1 image smaller than 8 pixels in a", "1 unreadable image in b", "3 .txt files (a 2, b 1)", "1 .csv file",
        "1 .mp4 file", "1 hidden file in b", "1 hidden folder", "1 link in b", "12 images in 2 classes",
    ):  # fmt: skip
        assert part in said


def test_only_links_and_only_other_files_are_said(tmp_path):
    make(tmp_path / "real", a=5)
    links, words = tmp_path / "links", tmp_path / "words"
    links.mkdir()
    words.mkdir()
    for i in range(5):
        os.symlink(tmp_path / "real" / "a" / f"0{i}.png", links / f"{i}.png")
        (words / f"{i}.heic").write_text("x")
    with pytest.raises(ImageError, match=r"links holds no images .*only 5 links"):
        found(links)
    with pytest.raises(ImageError, match=r"words holds no images .*only 5 \.heic files"):
        found(words)


def test_the_walk_is_bounded(tmp_path):
    deep = tmp_path.joinpath(*"abcdefghij")
    image(1, deep / "far.png")
    for i in range(5):
        image(10 * i, tmp_path / f"{i}.png")
    assert "1 folder too deep in a/b/c/d/e/f/g/h" in found(tmp_path).sentence


# --- formats -------------------------------------------------------------------------------------------------------


def test_the_formats_are_those_that_pillow_reads():
    Image.init()
    never = {
        "EPS",
        "WMF",
        "BUFR",
        "GRIB",
        "HDF5",
        "MPEG",
    }  # run programs, or have no pixels that Pillow can read
    known = {e: f for e, f in Image.registered_extensions().items() if f in Image.OPEN and f not in never}
    if "avif" not in features.get_supported():
        known |= {".avif": "AVIF", ".avifs": "AVIF"}
    assert known == FORMAT_OF


@pytest.mark.parametrize(
    "ending",
    [".tif", ".tiff", ".bmp", ".gif", ".webp", ".ppm", ".tga", ".ico", ".pcx", ".sgi", ".jp2", ".dib", ".dds",
     ".qoi", ".png", ".icns"],
)  # fmt: skip
def test_each_format_looks_as_it_should(tmp_path, ending):
    if ending == ".jp2" and not features.check("jpg_2000"):
        pytest.skip("Pillow was built without JPEG 2000")
    side = 32 if ending == ".icns" else 16
    levels = np.zeros((side, side), np.uint8)
    levels[:, side // 2 :] = 255
    try:
        Image.fromarray(levels).convert("RGB").save(tmp_path / f"x{ending}")
    except (KeyError, ValueError):
        pytest.skip("this Pillow does not write it")
    got = square_of(tmp_path / f"x{ending}", (1, 16, 16)).astype(int)
    assert got[..., :6].max() < 40 and got[..., 10:].min() > 215


def test_five_png_and_twenty_tiff(tmp_path):
    for i in range(25):
        image(9 * i, tmp_path / f"{i}.{'png' if i < 5 else 'tiff'}")
    assert found(tmp_path).sentence == f"{tmp_path.name}: 25 images."


@pytest.mark.parametrize("kind", ["I;16 png", "I;16 tif", "I;16B tif", "I tif", "F tif", "pgm"])
def test_images_of_more_than_8_bits_are_stretched_together(tmp_path, kind):
    """Twelve bits in sixteen, or a few real numbers: the folder's own range is black to white, for all images alike."""
    for i in range(5):
        values = np.full((10, 10), 100 + 100 * i)
        values[:5] = 100
        name = tmp_path / f"{i}.{kind.split()[-1]}"
        if kind == "pgm":
            name.write_bytes(b"P5 10 10 65535\n" + values.astype(">u2").tobytes())
        elif kind.startswith("I;16B"):
            Image.frombytes("I;16B", (10, 10), values.astype(">u2").tobytes()).save(name)
        else:
            dtype = {"I;16": np.uint16, "I": np.int32, "F": np.float32}[kind.split()[0]]
            Image.fromarray(values.astype(dtype)).save(name)
    data = found(tmp_path)
    images = np.concatenate([data.train.images, data.held_out.images])
    assert sorted(images[:, 0, -1, 0].tolist()) == pytest.approx([0, 64, 128, 191, 255], abs=1)
    assert images[:, 0, 0, 0].max() == 0
    assert "their values 100 to 500 stretched to black and white" in data.sentence
    # one of them that is opened for a control is as dark as it is in the folder
    e = read(Folder(path=str(tmp_path), side=16))
    levels, _ = own_levels(next(p for p in tmp_path.iterdir() if p.name.startswith("2")), e)
    assert levels[-16] == pytest.approx(128, abs=1)


def test_a_large_deep_image_takes_little_memory(tmp_path):
    """49 million pixels of 16 bits: the decoded image (98 MB) and a strip of it at a time, not 1.35 GB."""
    values = np.zeros((7000, 7000), np.uint16)
    values[:, 3500:] = 4095
    Image.fromarray(values).save(tmp_path / "big.png", compress_level=1)
    program = (
        "import resource, sys; from pathlib import Path; from explorer.data.images.square import square_of;"
        "before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss;"
        "got = square_of(Path(sys.argv[1]), (3, 28, 28));"
        "assert got[..., :12].max() < 20 and got[..., 16:].min() > 235;"
        "print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before)"
    )
    run = subprocess.run(
        [sys.executable, "-c", program, str(tmp_path / "big.png")], capture_output=True, text=True, check=True
    )
    unit = 1 if sys.platform == "darwin" else 1024
    assert int(run.stdout) * unit < 250e6


@pytest.mark.parametrize("mode", ["L", "RGB", "RGBA", "P", "LA", "1", "CMYK", "I;16", "F"])
def test_reducing_in_strips_gives_the_mean_of_each_block(monkeypatch, mode):
    monkeypatch.setattr(square, "STRIP", 1000)
    rng = np.random.default_rng(0)
    levels = np.kron(rng.integers(0, 255, (16, 16)), np.ones((8, 8))).astype(np.uint8)
    if mode in ("I;16", "F"):
        picture = Image.fromarray(levels.astype(np.uint16 if mode == "I;16" else np.float32))
    else:
        picture = Image.fromarray(levels).convert(mode)
    small = square.reduced(picture, (16, 16))
    assert small.size == (16, 16)
    expected = square._plainly(picture).reduce(8)
    np.testing.assert_allclose(np.asarray(small, float), np.asarray(expected, float), atol=0.5)


@pytest.mark.parametrize("dark", [False, True])
@pytest.mark.parametrize("deep", [False, True])
def test_the_ground_is_told_by_one_rule(tmp_path, dark, deep):
    """A disc on white or on black: the disc is the density, and a control exchanges light and dark by the same rule."""
    y, x = np.mgrid[:64, :64]
    inside = np.hypot(x - 20, y - 40) < 12
    levels = np.where(inside, 255, 0) if dark else np.where(inside, 0, 255)
    Image.fromarray((levels * (13 if deep else 1)).astype(np.uint16 if deep else np.uint8)).save(
        tmp_path / "disc.png"
    )
    points = read_image(tmp_path / "disc.png")
    xy = points.original(points.points)
    assert np.hypot(xy[:, 0] - 20.5, xy[:, 1] - (64 - 40.5)).max() < 13
    assert ("ground is dark" in points.sentence) == dark
    from explorer.data.images import DATA

    digit, said = own_levels(tmp_path / "disc.png", DATA["mnist"]())
    assert np.array(digit).reshape(28, 28)[0, 0] == 0 and ("exchanged" in said) != dark


# --- arrays --------------------------------------------------------------------------------------------------------


def idx(array):
    codes = {"u1": 0x08, "i2": 0x0B, "f4": 0x0D}
    kind = array.dtype.str[1:]
    return (
        struct.pack(f">BBBB{array.ndim}I", 0, 0, codes[kind], array.ndim, *array.shape)
        + array.astype(f">{kind}").tobytes()
    )


def digits(n, side=28, classes=3, seed=0):
    """n images, their class written in their lower right corner, and the classes."""
    rng = np.random.default_rng(seed)
    labels = np.arange(n) % classes
    images = rng.integers(0, 200, (n, side, side), dtype=np.uint8)
    images[:, -1, -1] = 200 + labels
    return images, labels.astype(np.uint8)


def is_labelled(data, first=0):
    for pixels in (data.train, data.held_out):
        names = np.array([int(data.label_names[c]) for c in pixels.labels])
        assert (pixels.images[:, 0, -1, -1] - 200 == names - first).all()


@pytest.mark.parametrize("packed", [False, True])
@pytest.mark.parametrize(
    "style", ["{}-images-idx3-ubyte", "{}-images.idx3-ubyte", "emnist-digits-{}-images-idx3-ubyte"]
)
@pytest.mark.parametrize("by", ["folder", "images", "labels"])
def test_idx_as_mnist_has_it(tmp_path, packed, style, by):
    for split, n in (("train", 40), ("t10k" if "emnist" not in style else "test", 9)):
        for array, name in zip(
            digits(n), (style, style.replace("images", "labels").replace("idx3", "idx1")), strict=True
        ):
            path, data = tmp_path / (name.format(split) + ".gz" * packed), idx(array)
            path.write_bytes(gzip.compress(data) if packed else data)
    (tmp_path / "readme.txt").write_text("words")
    name = style.format("train") + ".gz" * packed
    if by == "labels":
        name = name.replace("images", "labels").replace("idx3", "idx1")
    path = tmp_path if by == "folder" else tmp_path / name
    assert is_images(tmp_path / (style.format("train") + ".gz" * packed))
    data = found(path, side=28)
    assert counted(data) == ({"0": 14, "1": 13, "2": 13}, {"0": 3, "1": 3, "2": 3})
    is_labelled(data)
    assert ("1 .txt file" in data.sentence) == (by == "folder")


@pytest.mark.parametrize(
    "names",
    [
        ("train_images", "train_labels", "val_images", "val_labels"), ("x_train", "y_train", "x_test", "y_test"),
        ("X_train", "y_train", "X_val", "y_val"), ("images", "labels", None, None), ("data", "targets", None, None),
    ],
)  # fmt: skip
@pytest.mark.parametrize("shaped", ["(n,)", "(n, 1)", "one-hot", "words", "float"])
def test_npz_as_medmnist_and_keras_have_it(tmp_path, names, shaped):
    shapes = {
        "(n,)": lambda y: y, "(n, 1)": lambda y: y[:, None], "one-hot": lambda y: np.eye(3)[y],
        "words": lambda y: y.astype(str), "float": lambda y: y.astype(float),
    }  # fmt: skip
    (x, y), (x2, y2) = digits(30), digits(6, seed=1)
    values = {names[0]: x, names[1]: shapes[shaped](y)}
    if names[2]:
        values |= {names[2]: x2, names[3]: shapes[shaped](y2)}
    values["about"] = np.array("words")
    np.savez_compressed(tmp_path / "set.npz", **values)
    data = found(tmp_path / "set.npz", side=28)
    is_labelled(data)
    assert len(data.held_out) == (6 if names[2] else 3)
    assert found(tmp_path, side=28).digest == data.digest  # the only such file of a folder


@pytest.mark.parametrize("layout", ["nhw", "nhwc1", "nhwc3", "nchw1", "nchw3", "nhwc4"])
@pytest.mark.parametrize("dtype", ["u1", "u2", "f4", "f8", "?", ">f4", "i8"])
@pytest.mark.parametrize("order", ["C", "F"])
def test_npy_in_every_layout_and_type(tmp_path, layout, dtype, order):
    levels = np.zeros((8, 16, 16))
    levels[:, :, 8:] = 1
    levels[::2, :8] = 1  # no two kinds are alike
    channels = int(layout[-1]) if layout[-1].isdigit() else 0
    values = levels if not channels else np.repeat(levels[..., None], channels, -1)
    if channels == 4:
        values[..., 3] = 1  # what is transparent would be white
    values = np.moveaxis(values, -1, 1) if layout.startswith("nchw") else values
    scale = {"u1": 255, "u2": 4095, "i8": 300}.get(dtype, 1)
    np.save(tmp_path / "x.npy", np.asarray((values * scale).astype(dtype), order=order))
    data = found(tmp_path / "x.npy", colour=channels >= 3)
    images = np.concatenate([data.train.images, data.held_out.images])
    assert images.shape == (8, 3 if channels >= 3 else 1, 16, 16)
    assert (images[..., 8:] == 255).all() and sorted(images[:, 0, 0, 0].tolist()) == [0] * 4 + [255] * 4


def test_npy_with_labels_beside_it(tmp_path):
    x, y = digits(20)
    np.save(tmp_path / "train_images.npy", x)
    np.save(tmp_path / "train_labels.npy", y)
    np.save(tmp_path / "elsewhere.npy", np.zeros(3))
    is_labelled(found(tmp_path / "train_images.npy", side=28))


@pytest.mark.parametrize(("labels", "said"), [
    (np.arange(15) % 2, "labels has 15 labels for 20 images"),
    (np.array(["a", "b"] * 10, object), "labels holds Python objects"),
])  # fmt: skip
def test_labels_that_do_not_fit_are_said(tmp_path, labels, said):
    np.savez(tmp_path / "a.npz", images=digits(20)[0], labels=labels)
    data = found(tmp_path / "a.npz", side=28)
    assert not data.label_names and said in data.sentence


@pytest.mark.parametrize(("shape", "refused"), [
    ((28, 28, 40), True), ((40, 28, 28), False), ((28, 28, 28), False), ((28, 28, 40, 1), False),
])  # fmt: skip
def test_images_along_the_last_axis_are_not_cut_across(tmp_path, shape, refused):
    np.save(tmp_path / "a.npy", np.random.default_rng(0).integers(0, 255, shape).astype(np.uint8))
    if refused:
        with pytest.raises(ImageError, match=r"40 images of 28 by 28 .* or 28 of 28 by 40"):
            found(tmp_path / "a.npy")
    else:
        assert f"{shape[0]} images" in found(tmp_path / "a.npy").sentence


@pytest.mark.parametrize("ending", ["tiff", "gif", "webp", "png"])
def test_frames_behind_the_first_are_counted(tmp_path, ending):
    levels = np.random.default_rng(0).integers(0, 255, (6, 16, 16)).astype(np.uint8)
    first, *rest = map(Image.fromarray, levels)
    first.save(tmp_path / f"stack.{ending}", save_all=True, append_images=rest)
    for i in range(4):
        image(10 * i, tmp_path / f"{i}.png")
    assert found(tmp_path).sentence.endswith("5 images; left out: 5 further frames.")


@pytest.mark.parametrize(("before", "names"), [(1, "batches.meta.txt"), (2, "fine_label_names.txt")])
def test_cifar_binary(tmp_path, before, names):
    rng = np.random.default_rng(0)
    files = (
        ("data_batch_1.bin", "data_batch_2.bin", "test_batch.bin")
        if before == 1
        else ("train.bin", "test.bin")
    )
    for name in files:
        records = rng.integers(0, 255, (12, before + 3072), dtype=np.uint8)
        records[:, before - 1] = np.arange(12) % 3
        records[:, before + 1024 : before + 2048] = 70 * (np.arange(12) % 3)[:, None]  # the green channel
        (tmp_path / name).write_bytes(records.tobytes())
    (tmp_path / names).write_text("ship\nfrog\nairplane\n")
    data = found(tmp_path, side=32, colour=True)
    assert data.label_names == ("airplane", "frog", "ship") and len(data.held_out) == 12
    assert len(data.train) == 12 * (len(files) - 1)
    for pixels in (data.train, data.held_out):
        assert (pixels.images[:, 1, 0, 0] == np.array([140, 70, 0])[pixels.labels]).all()


@pytest.mark.parametrize("name", ["data_batch_1", "test_batch", "batches.meta", "mnist.pkl", "images.pt"])
def test_pickles_are_never_opened(tmp_path, name):
    class Evil:
        def __reduce__(self):
            return (os.mkdir, (str(tmp_path / "opened"),))

    (tmp_path / name).write_bytes(pickle.dumps(Evil()))
    for path in (tmp_path / name, tmp_path):
        with pytest.raises(ImageError, match=r"a Python pickle, which is never opened"):
            found(path)
    objects = np.empty(6, object)
    objects[:] = [Evil()] * 6
    np.save(tmp_path / "objects.npy", objects, allow_pickle=True)
    with pytest.raises(ImageError, match="holds no images"):
        found(tmp_path / "objects.npy")
    assert not (tmp_path / "opened").exists()


def test_a_large_array_is_sampled(tmp_path, monkeypatch):
    monkeypatch.setattr(folders, "MOST", 20)
    monkeypatch.setattr(arrays, "CHUNK", 5000)
    x, y = digits(200)
    np.savez(tmp_path / "a.npz", x_train=x, y_train=y, x_test=x[:50], y_test=y[:50])
    data = found(tmp_path / "a.npz", side=28)
    assert len(data.train) == 20 and len(data.held_out) == 2
    is_labelled(data)
    assert "a random 20 of 200" in data.sentence and "a random 2 of 50" in data.sentence


@pytest.mark.parametrize("spoil", ["cut", "bits", "claims"])
@pytest.mark.parametrize("kind", ["npz", "npy", "idx.gz", "idx"])
def test_damaged_arrays_are_refused(tmp_path, kind, spoil):
    x, _ = digits(30)
    out = io.BytesIO()
    if kind == "npz":
        np.savez_compressed(out, x=x)
    elif kind == "npy":
        np.save(out, x)
    else:
        out.write(gzip.compress(idx(x)) if kind == "idx.gz" else idx(x))
    data = bytearray(out.getvalue())
    if spoil == "cut":
        data = data[: len(data) // 2]
    elif spoil == "bits":
        if kind in ("npy", "idx"):
            data[1] ^= 0xFF
        else:
            for i in range(len(data) // 2, len(data) // 2 + 40):
                data[i] ^= 0xFF
    else:  # more rows than there are, and than memory has
        if kind not in ("idx",):
            return
        data[4:8] = b"\xff\xff\xff\xff"
    name = {
        "npz": "x.npz",
        "npy": "x.npy",
        "idx": "train-images-idx3-ubyte",
        "idx.gz": "train-images-idx3-ubyte.gz",
    }
    (tmp_path / name[kind]).write_bytes(bytes(data))
    with pytest.raises(ImageError):
        found(tmp_path / name[kind])


def test_points_are_no_images(tmp_path):
    for shape in ((50, 2), (2, 50), (50,), (7, 50, 2), (50, 3), (5, 1000, 9)):
        np.save(tmp_path / "p.npy", np.zeros(shape))
        assert not is_images(tmp_path / "p.npy")
    with zipfile.ZipFile(tmp_path / "bomb.npz", "w") as archive:
        header = io.BytesIO()
        np.lib.format.write_array_header_1_0(
            header, {"descr": "|u1", "fortran_order": False, "shape": (10**9, 28, 28)}
        )
        archive.writestr("x.npy", header.getvalue())
    with pytest.raises(ImageError, match="unpacks to more than"):
        found(tmp_path / "bomb.npz")


# --- where they are ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "path",
    ["//host/share", r"\\host\share", r"\/host/share", "file://host/share", "FILE://Host/x", "smb://host/share",
     "http://host/x", r"\\?\UNC\host\share", "//host", r"\\.\pipe\x", "file:////host/share", " //host/share"],
)  # fmt: skip
def test_paths_on_other_machines(path, tmp_path, monkeypatch):
    assert paths.is_remote(path)

    def touched(*_):
        raise AssertionError("touched")

    e = with_data_of(path)
    document.write(tmp_path / "e.json", e)
    for name in ("scandir", "stat", "lstat"):
        monkeypatch.setattr(os, name, guarded(getattr(os, name), path, touched))
    back, _ = document.read(tmp_path / "e.json")
    assert back.experiment.data.path == path
    with pytest.raises(Remote, match="on another machine"):
        _ = back.experiment.data.found


def guarded(function, path, touched):
    def guard(where, *args, **options):
        return touched() if "host" in os.fspath(where) else function(where, *args, **options)

    return guard


def with_data_of(path):
    from dataclasses import replace

    return Document(replace(Experiment(), data=Folder(path=path)))


@pytest.mark.parametrize(
    "path", ["/home/x", "x/y", "C:\\x", "file:///home/x", "file://localhost/x", r"\\?\C:\x", "a//b"]
)
def test_paths_on_this_machine(path):
    assert not paths.is_remote(path)


def test_a_remote_path_is_refused_on_the_command_line_unless_it_is_given_there(tmp_path, capsys):
    make(tmp_path / "pets", a=6)
    remote = f"/{tmp_path / 'pets'}"  # two slashes: here the same folder, on Windows another machine
    document.write(tmp_path / "e.json", with_data_of(remote))
    out = str(tmp_path / "x.npz")
    assert main(["run", str(tmp_path / "e.json"), "--out", out]) == 2
    assert "on another machine" in capsys.readouterr().err
    folders.forget()
    assert main(["new", "--data", remote, "--out", str(tmp_path / "n.json")]) == 0
    folders.forget()
    folders._agreed.clear()
    given = ["--set", f"data.path={remote}", "--set", "sampler.steps=2", "--set", "score.source=exact"]
    assert main(["run", str(tmp_path / "e.json"), *given, "--out", out]) == 0


def test_a_relative_path_is_meant_from_the_experiment(tmp_path, monkeypatch, capsys):
    make(tmp_path / "work" / "pets", a=6)
    monkeypatch.chdir(tmp_path / "work")
    assert main(["new", "--data", "pets", "--out", "e.json"]) == 0
    written = json.loads((tmp_path / "work" / "e.json").read_text())
    assert written["data"]["path"] == "pets"
    assert main(["new", "--data", "pets", "--out", "../elsewhere.json"]) == 0
    assert json.loads((tmp_path / "elsewhere.json").read_text())["data"]["path"] == "work/pets"
    monkeypatch.chdir("/")
    for path in (tmp_path / "work" / "e.json", tmp_path / "elsewhere.json"):
        folders.forget()
        data = document.read(path)[0].experiment.data
        assert data.path == str(tmp_path / "work" / "pets") and len(data.train) == 5
    (tmp_path / "work").rename(tmp_path / "moved")  # both moved together
    folders.forget()
    assert len(document.read(tmp_path / "moved" / "e.json")[0].experiment.data.train) == 5
    other = tmp_path / "other"
    other.mkdir()
    document.write(
        other / "e.json", document.read(tmp_path / "moved" / "e.json")[0]
    )  # saved elsewhere: absolute
    assert json.loads((other / "e.json").read_text())["data"]["path"] == str(tmp_path / "moved" / "pets")


@pytest.mark.parametrize("what", ["folder", "npz", "idx"])
def test_new_takes_any_of_them(tmp_path, what, capsys):
    x, y = digits(20)
    if what == "folder":
        make(tmp_path / "it", a=6, b=6)
    elif what == "npz":
        np.savez(tmp_path / "it", images=x, labels=y)
    else:
        (tmp_path / "it").write_bytes(idx(x))
    path = tmp_path / ("it.npz" if what == "npz" else "it")
    out = tmp_path / "e.json"
    assert main(["new", "--data", str(path), "--set", "data.side=16", "--out", str(out)]) == 0
    assert "images" in capsys.readouterr().err
    e = document.read(out)[0].experiment
    assert e.pictures is not None and e.data.side == 16 and e.data.digest
    assert e.sampler == with_data(Experiment(), e.data).sampler
