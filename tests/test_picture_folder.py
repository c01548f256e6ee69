"""The user's own pictures: whatever lies in the folder, only sound squares come out, and what was left out is said."""

import dataclasses
import io
import json
import os

import numpy as np
import pytest
from PIL import Image

from explorer.analysis.image_quality import nearest
from explorer.base.params import ParamError
from explorer.cli import main
from explorer.data.images import DATA, base, from_pixels, square, to_pixels, tree
from explorer.data.images import folder as folders
from explorer.data.images.archive import ImageError
from explorer.data.images.folder import Folder, read_folder
from explorer.data.images.square import square_of
from explorer.data.imports.base import DataFileError
from explorer.data.imports.images import levels_of
from explorer.experiment.codec import edited
from explorer.experiment.defaults import with_data
from explorer.experiment.migrations import from_dict, to_dict
from explorer.experiment.resolution import model_of, resolve
from explorer.experiment.schema import Experiment, ExperimentError
from explorer.figures.views.image_plane import principal, three_rows, through_three
from explorer.guidance.image_classifier import train_picture_classifier
from explorer.session import document
from explorer.training.frame import TrainingError
from explorer.training.images import Material


@pytest.fixture(autouse=True)
def fresh():
    folders.forget()


def picture(seed=0, size=(40, 30), mode="RGB"):
    rng = np.random.default_rng(seed)
    return Image.fromarray(rng.integers(0, 255, (size[1], size[0], 3), dtype=np.uint8)).convert(mode)


@pytest.fixture
def cats(tmp_path):
    """Twelve sound pictures."""
    folder = tmp_path / "cats"
    folder.mkdir()
    for i in range(12):
        picture(i).save(folder / f"{i:02}.png")
    return folder


def found(path, side=28, colour=False, names=()):
    return read_folder(str(path), tuple(names), side, colour)


def test_pictures_become_squares(cats):
    grey, colour = found(cats), found(cats, 32, True)
    assert grey.train.images.shape == (11, 1, 28, 28) and grey.held_out.images.shape == (1, 1, 28, 28)
    assert colour.train.images.shape == (11, 3, 32, 32) and colour.train.images.dtype == np.uint8
    assert grey.sentence == "cats: 12 images."
    assert grey.label_names == () and not grey.train.labels.any()
    assert np.array_equal(found(cats).train.images, grey.train.images)


def test_the_central_square_is_kept(tmp_path):
    for name, colour in (("a", (255, 0, 0)), ("b", (0, 0, 255)), ("c", (255, 0, 0)), ("d", (0, 0, 255))):
        wide = Image.new("RGB", (90, 30), "white")
        wide.paste(colour, (30, 0, 60, 30))
        wide.save(tmp_path / f"{name}.png")
    images = np.concatenate(
        [p.images for p in (found(tmp_path, 16, True).train, found(tmp_path, 16, True).held_out)]
    )
    assert sorted(images[:, :, 8, 8].tolist()) == [[0, 0, 255]] * 2 + [[255, 0, 0]] * 2
    assert np.ptp(images, axis=(2, 3)).max() < 20  # nothing of the white beside it


def kinds(folder):
    """One picture of every odd kind; each is half black, half white."""
    step = np.zeros((20, 20), np.uint8)
    step[:, 10:] = 255
    plain = Image.fromarray(step)
    plain.save(folder / "grey.png")
    plain.convert("1").save(folder / "bits.png")
    plain.convert("P").save(folder / "palette.gif")
    plain.convert("CMYK").save(folder / "cmyk.jpg", quality=100)
    Image.fromarray(step.astype(np.uint16) * 257).save(folder / "deep.png")
    (folder / "deep.pgm").write_bytes(b"P5 20 20 65535\n" + (step.astype(">u2") * 257).tobytes())
    clear = Image.new("RGBA", (20, 20), (0, 0, 0, 255))
    clear.paste((0, 0, 0, 0), (10, 0, 20, 20))
    clear.save(folder / "alpha.png")
    clear.quantize().save(folder / "clear_palette.png")
    plain.convert("LA").save(folder / "la.png")
    plain.save(folder / "animated.gif", save_all=True, append_images=[Image.new("L", (20, 20), 255)] * 3)
    plain.save(
        folder / "animated.webp",
        save_all=True,
        lossless=True,
        append_images=[Image.new("L", (20, 20), 255)] * 3,
    )
    turned = Image.Exif()
    turned[0x0112] = 6  # stored lying on its side
    plain.rotate(90).save(folder / "turned.jpg", quality=100, exif=turned)


@pytest.mark.parametrize("colour", [False, True])
def test_every_kind_of_picture_looks_as_it_should(tmp_path, colour):
    kinds(tmp_path)
    both = found(tmp_path, 16, colour)
    images = np.concatenate([both.train.images, both.held_out.images]).astype(int)
    assert len(images) == 12
    assert images[..., :5].max() < 30 and images[..., 11:].min() > 225


def test_every_reader_sees_the_same_levels(tmp_path, monkeypatch):
    """One image named on the command line or opened for a control is what it is in a folder of its like."""
    flat = np.full((20, 20), 117, np.uint16)
    flat[:, 10:] = 128
    Image.fromarray(flat).save(tmp_path / "flat.png")
    levels = levels_of(tmp_path / "flat.png", (1, 16, 16))  # of 16 bits: stretched by its own range
    assert levels[..., :5].max() < 30 and levels[..., 11:].min() > 225
    levels = levels_of(tmp_path / "flat.png", (1, 16, 16), (0, 255))  # by that of a folder
    assert levels[..., :5].tolist() == np.full((1, 16, 5), 117).tolist()
    assert levels[..., 11:].tolist() == np.full((1, 16, 5), 128).tolist()
    pfm = b"Pf\n8 8\n-1.0\n" + np.repeat(np.array([0.25, 2.0], "<f4"), 32).tobytes()
    (tmp_path / "real.pfm").write_bytes(pfm)
    assert np.unique(square_of(tmp_path / "real.pfm", (1, 8, 8))).tolist() == [0, 255]
    kinds(tmp_path)
    (tmp_path / "real.pfm").unlink()
    for size in ((1, 16, 16), (3, 16, 12)):
        for path in tmp_path.iterdir():
            np.testing.assert_array_equal(levels_of(path, size), square_of(path, size))
    monkeypatch.setattr(square, "MOST_PIXELS", 399)
    with pytest.raises(DataFileError, match=r"flat\.png is too large: 20 by 20"):
        levels_of(tmp_path / "flat.png", (1, 16, 16))


def test_what_cannot_be_read_is_counted(cats, monkeypatch):
    (cats / "empty.png").write_bytes(b"")
    (cats / "words.jpg").write_text("not a picture")
    (cats / "cut.png").write_bytes((cats / "00.png").read_bytes()[:200])
    (cats / "notes.txt").write_text("no picture, and not counted")
    (cats / ".hidden.png").write_text("nor this")
    assert found(cats).sentence == (
        "cats: 12 images; left out: 1 hidden file, 3 unreadable images, 1 .txt file."
    )


def bomb(width, height):
    """A small file that unpacks to much."""
    out = io.BytesIO()
    Image.new("1", (width, height)).save(out, "png")
    return out.getvalue()


def test_decompression_bombs_and_huge_files_are_left_out(cats, monkeypatch):
    (cats / "bomb.png").write_bytes(bomb(20_000, 10_000))
    with (cats / "sparse.png").open("wb") as file:
        file.truncate(square.MOST_BYTES + 1)
    assert found(cats).sentence == (
        "cats: 12 images; left out: 2 images of more than 50,000,000 pixels or 64 MB."
    )


def test_links_are_not_followed(cats, tmp_path):
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    picture(99).save(elsewhere / "secret.png")
    os.symlink(elsewhere / "secret.png", cats / "link.png")
    os.symlink(elsewhere, cats / "folder")
    os.symlink(cats, cats / "round")
    os.symlink(tmp_path / "gone", cats / "dangling.png")
    assert found(cats).sentence == "cats: 12 images; left out: 4 links."
    pets = tmp_path / "pets"
    pets.mkdir()
    os.symlink(cats, pets / "cats")
    with pytest.raises(ImageError, match=r"pets holds no images .*: only 1 link"):
        found(pets)


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no pipes here")
def test_what_is_no_file_is_no_picture(cats):
    os.mkfifo(cats / "pipe.png")
    (cats / "folder.png").mkdir()
    assert found(cats).sentence == "cats: 12 images; left out: 1 pipe, socket or device."


def test_subfolders_name_classes(tmp_path):
    for c, name in enumerate(("cats", "dogs", "empty", ".git")):
        (tmp_path / name).mkdir()
        for i in range(6 if c != 2 else 0):
            Image.new("L", (8, 8), 40 * c + i).save(tmp_path / name / f"{i}.png")
    both = found(tmp_path)
    assert both.label_names == ("cats", "dogs")
    assert both.sentence == (
        f"{tmp_path.name}: 12 images in 2 classes (cats, dogs); left out: 1 hidden folder."
    )
    for pixels in (both.train, both.held_out):
        assert np.array_equal(pixels.images[:, 0, 0, 0] >= 40, pixels.labels == 1)
    e = with_data(Experiment(), Folder(path=str(tmp_path)))
    assert e.score.unet.classes == 2 and e.target.labels is not None
    for i in range(4):
        picture(i).save(tmp_path / f"own{i}.png")
    folders.forget()
    assert "12 images in 2 classes (cats, dogs)" in found(tmp_path).sentence
    assert "4 images beside the class folders" in found(tmp_path).sentence


def classed(folder, *counts, broken=0):
    """So many pictures in each of as many subfolders, and one more where nothing can be read."""
    for c, count in enumerate(counts):
        (folder / f"c{c}").mkdir()
        for i in range(count):
            picture(100 * c + i).save(folder / f"c{c}" / f"{i}.png")
    for i in range(broken):
        (folder / "broken").mkdir(exist_ok=True)
        (folder / "broken" / f"{i}.png").write_text("words")
    return Folder(path=str(folder), side=16)


@pytest.mark.parametrize("counts", [(10, 9, 1), (1, 30), (2, 1, 1)])
def test_a_picture_of_every_class_is_learned_from_and_all_count_alike(tmp_path, counts):
    data = classed(tmp_path, *counts)
    e = with_data(Experiment(), data)
    assert np.unique(data.train.labels).tolist() == list(range(len(counts)))
    assert sorted(np.bincount(np.concatenate([data.train.labels, data.held_out.labels]))) == sorted(counts)
    assert data.classes == e.score.unet.classes == len(data.mixture.label_weights) == len(counts)
    assert Material.of(data).classes == len(counts) and len(data.held_out) > 0
    *_, last = train_picture_classifier(data, iterations=2)
    assert last.net.classes == len(counts)
    tiny = dataclasses.replace(e.score.unet, width=16, depth=1)
    e = dataclasses.replace(e, score=dataclasses.replace(e.score, source="trained", unet=tiny))
    assert resolve(e).labelled is not None  # the network knows them


def test_the_law_of_a_large_set_has_every_class(monkeypatch):
    monkeypatch.setattr(base, "REMEMBERED", 20)
    labels = np.array([0, 1] * 20 + [2])
    assert base._remembered(labels).tolist() == [*range(19), 40]
    assert base._remembered(labels[:40]).tolist() == [*range(20)]


def test_a_class_of_which_nothing_can_be_read_is_none(tmp_path):
    data = classed(tmp_path, 3, 3, broken=2)
    assert (
        data.label_names == ("c0", "c1")
        and "6 images in 2 classes (c0, c1); left out: 2 unreadable images in broken" in data.found.sentence
    )
    assert set(data.train.labels) == {0, 1}


@pytest.mark.parametrize("counts", [(1, 1, 1, 1), (5,)])
def test_classes_that_tell_nothing_are_none(tmp_path, counts):
    data = classed(tmp_path, *counts, broken=1)
    assert data.classes == 0 and data.mixture.labels is None and not data.train.labels.any()


@pytest.mark.parametrize("counts", [(4,), (1, 3), (2, 2)])
@pytest.mark.filterwarnings("error")
def test_the_fewest_pictures_are_enough_for_everything(tmp_path, counts):
    data = classed(tmp_path, *counts)
    assert len(data.train) == 3 and len(data.held_out) == 1
    x = from_pixels(data.train.images)
    assert nearest(x, x).distance[:, 0].max() == 0
    for triple in range(3):
        assert sorted(three_rows(data, triple)) == [0, 1, 2]
    for plane in (principal(data), through_three(data, 0)):
        np.testing.assert_allclose(plane.axes @ plane.axes.T, np.eye(2), atol=1e-3)


@pytest.mark.filterwarnings("error")
def test_pictures_that_are_there_several_times_span_a_plane_too(tmp_path):
    for i in range(5):
        picture(i == 4).save(tmp_path / f"{i}.png")
    data = Folder(path=str(tmp_path))
    for plane in (principal(data), *(through_three(data, k) for k in range(4))):
        assert np.isfinite(plane.axes).all() and plane.reach > 0
        assert np.isfinite(plane.project(from_pixels(data.train.images), 1.0, 1.0)).all()


def test_one_subfolder_is_no_class(tmp_path, cats):
    assert found(tmp_path).label_names == ()
    assert found(tmp_path).sentence == f"{tmp_path.name}: 12 images."


def test_a_full_folder_is_sampled_always_alike(cats, monkeypatch):
    monkeypatch.setattr(folders, "MOST", 5)
    few = found(cats)
    assert few.sentence == "cats: 5 images; a random 5 of 12."
    folders.forget()
    assert found(cats).digest == few.digest
    monkeypatch.setattr(tree, "MOST_ENTRIES", 10)
    folders.forget()
    with pytest.raises(ImageError, match="more than 10 files"):
        found(cats)


def test_what_is_of_no_use_is_refused(tmp_path, cats):
    empty, plain, texts = (tmp_path / name for name in ("empty", "plain", "texts"))
    for folder in (empty, plain, texts):
        folder.mkdir()
    for i in range(4):
        Image.new("L", (9, 9), 77).save(plain / f"{i}.png")
        (texts / f"{i}.png").write_text("words")
    for path, words in (
        (empty, "empty holds no images"), (plain, "one plain color"),
        (texts, "none of the images in texts .*4 unreadable"),
        (tmp_path / "gone", "gone cannot be read .*choose it again"), (cats / "00.png", "is one image"),
        ("", "no folder of images has been chosen"),
    ):  # fmt: skip
        with pytest.raises(ImageError, match=words):
            found(path)
    with pytest.raises(ImageError, match="1 of the images in cats can be used; at least 4 are"):
        found(cats, names=["00.png"])
    with pytest.raises(ImageError, match="3 of the images"):
        found(cats, names=["00.png", "01.png", "02.png"])
    with pytest.raises(ImageError, match="holds no images"):
        found(cats, names=["other.png"])


def white(i, folder):
    """Eight pictures in a folder, all black but the one called i."""
    for name in range(8):
        Image.new("L", (28, 28), 255 * (name == i)).save(folder / f"{name}.png")


def test_pictures_to_learn_from_must_not_all_be_plain(tmp_path):
    first = int(np.random.default_rng(list(b"folder")).permutation(8)[0])
    white(first, tmp_path)
    with pytest.raises(ImageError, match="one plain color: there is nothing to learn"):
        found(tmp_path)
    folders.forget()
    white((first + 1) % 8, tmp_path)
    assert len(found(tmp_path).train) == 7
    plain = Folder()
    plain.__dict__["moments"] = ((-1.0,), 0.0)  # a set of another origin
    with pytest.raises(TrainingError, match="one plain color"):
        Material.of(plain, (found(tmp_path).train, found(tmp_path).held_out))


def test_white_shapes_on_nothing_are_told_of_what_is_transparent(tmp_path):
    for i in range(4):
        shape = Image.new("RGBA", (9, 9), (255, 255, 255, 0))
        shape.paste((255, 255, 255, 255), (i, i, i + 3, i + 3))
        shape.save(tmp_path / f"{i}.png")
    with pytest.raises(ImageError, match="What is transparent counts as white"):
        found(tmp_path)


def test_pictures_in_colour_that_are_read_as_grey_are_counted(cats):
    Image.new("L", (40, 30), 90).convert("RGB").save(cats / "00.png")
    grey = found(cats)
    assert grey.greyed == 11 and grey.train.images.shape[1] == 1
    alone = square_of(cats / "05.png", (1, 28, 28))
    assert any((alone == image).all() for image in [*grey.train.images, *grey.held_out.images])
    assert read_folder(str(cats), (), 28, True).greyed == 0


def test_some_files_of_a_folder(cats):
    assert found(cats, names=["00.png", "03.png", "05.png", "07.png"]).sentence == "cats: 4 images."


@pytest.mark.parametrize("names", [["../secret.png"], ["a/b.png"], [""], [".."], "x.png", [3], ["a\0.png"]])
def test_names_stay_in_the_folder(names):
    with pytest.raises(ParamError, match="names of files in the folder"):
        Folder(path="somewhere", names=names)


# --- as data ---------------------------------------------------------------------------------------------------


def test_an_experiment_carries_the_path_and_not_the_pictures(cats):
    e = with_data(Experiment(), dataclasses.replace(Folder(path=str(cats)), digest=found(cats).digest))
    text = json.dumps(to_dict(e))
    assert len(text) < 6000 and str(cats) in text
    back, _ = from_dict(json.loads(text))
    assert back == e and not back.data.ready
    assert np.array_equal(back.data.train.images, e.data.train.images) and back.data.ready


def test_a_model_file_carries_no_path(cats):
    e = with_data(Experiment(), Folder(path=str(cats), digest="d"))
    frame = type("Frame", (), {"seconds": 1.0, "iteration": 1, "device": "CPU", "held": 1.0})()
    model = model_of(e, frame, {})
    assert str(cats) not in json.dumps(model.data) and model.data["digest"] == "d"
    assert model.picture == (1, 28, 28)


def test_the_exact_score_gives_the_pictures_back(cats):
    e = with_data(Experiment(), Folder(path=str(cats), side=16))
    assert resolve(e).exact
    x = e.sample(4, 0)
    known = e.data.train.images.transpose(0, 2, 3, 1)
    near = np.abs(to_pixels(x, e.data.size)[:, None].astype(int) - known[None]).max((2, 3, 4)).min(1)
    assert (near <= 8).all()


def test_bad_fields_name_themselves(cats):
    with pytest.raises(ExperimentError, match="side must be one of 16, 28, 32"):
        edited(with_data(Experiment(), Folder(path=str(cats))), "data.side", 30)
    with pytest.raises(ParamError, match="must be text"):
        Folder(path=3)


# --- on the command line -----------------------------------------------------------------------------------------


def test_new_makes_an_experiment_of_a_folder(cats, tmp_path, capsys):
    (cats / "words.jpg").write_text("not a picture")
    out = str(tmp_path / "e.json")
    assert main(["new", "--distribution", "folder", "--set", f"data.path={cats}", "--out", out]) == 0
    assert "cats: 12 images; left out: 1 unreadable image." in capsys.readouterr().err
    e = document.read(out)[0].experiment
    assert e.sampler == with_data(Experiment(), DATA["mnist"]()).sampler
    assert e.score.unet.classes == 0 and e.data.digest == found(cats).digest


def test_a_folder_that_has_gone_is_said(cats, tmp_path, capsys):
    out = str(tmp_path / "e.json")
    main(["new", "--distribution", "folder", "--set", f"data.path={cats}", "--out", out])
    cats.rename(tmp_path / "dogs")
    folders.forget()
    assert main(["run", out, "--out", str(tmp_path / "x.npz")]) == 2
    assert "cats cannot be read" in capsys.readouterr().err
    assert main(["new", "--distribution", "folder"]) == 2
    assert "no folder of images has been chosen" in capsys.readouterr().err
