"""The user's own pictures: whatever lies in the folder, only sound squares come out, and what was left out is said."""

import dataclasses
import io
import json
import os

import numpy as np
import pytest
from PIL import Image

from explorer import document
from explorer.cli import main
from explorer.experiment import Experiment, ExperimentError, edited, from_dict, to_dict, with_data
from explorer.images import DATA, to_pixels
from explorer.images import folder as folders
from explorer.images.archive import ImageError
from explorer.images.folder import Folder, read_folder
from explorer.models import model_of, resolve
from explorer.params import ParamError


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
    assert grey.sentence == "cats: 12 pictures."
    assert grey.label_names == () and not grey.train.labels.any()
    assert np.array_equal(found(cats).train.images, grey.train.images)


def test_the_central_square_is_kept(tmp_path):
    for name, colour in (("a", (255, 0, 0)), ("b", (0, 0, 255))):
        wide = Image.new("RGB", (90, 30), "white")
        wide.paste(colour, (30, 0, 60, 30))
        wide.save(tmp_path / f"{name}.png")
    images = np.concatenate(
        [p.images for p in (found(tmp_path, 16, True).train, found(tmp_path, 16, True).held_out)]
    )
    assert sorted(images[:, :, 8, 8].tolist()) == [[0, 0, 255], [255, 0, 0]]
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


def test_what_cannot_be_read_is_counted(cats, monkeypatch):
    (cats / "empty.png").write_bytes(b"")
    (cats / "words.jpg").write_text("not a picture")
    (cats / "cut.png").write_bytes((cats / "00.png").read_bytes()[:200])
    (cats / "notes.txt").write_text("no picture, and not counted")
    (cats / ".hidden.png").write_text("nor this")
    assert found(cats).sentence == "cats: 12 pictures; 3 files could not be read."


def bomb(width, height):
    """A small file that unpacks to much."""
    out = io.BytesIO()
    Image.new("1", (width, height)).save(out, "png")
    return out.getvalue()


def test_decompression_bombs_and_huge_files_are_left_out(cats, monkeypatch):
    (cats / "bomb.png").write_bytes(bomb(20_000, 10_000))
    with (cats / "sparse.png").open("wb") as file:
        file.truncate(folders.MOST_BYTES + 1)
    assert found(cats).sentence == "cats: 12 pictures; 2 files could not be read."


def test_links_are_not_followed(cats, tmp_path):
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    picture(99).save(elsewhere / "secret.png")
    os.symlink(elsewhere / "secret.png", cats / "link.png")
    os.symlink(elsewhere, cats / "folder")
    os.symlink(cats, cats / "round")
    os.symlink(tmp_path / "gone", cats / "dangling.png")
    assert found(cats).sentence == "cats: 12 pictures; 4 links left out."
    pets = tmp_path / "pets"
    pets.mkdir()
    os.symlink(cats, pets / "cats")
    with pytest.raises(ImageError, match="pets holds no pictures"):
        found(pets)


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no pipes here")
def test_what_is_no_file_is_no_picture(cats):
    os.mkfifo(cats / "pipe.png")
    (cats / "folder.png").mkdir()
    assert found(cats).sentence == "cats: 12 pictures."


def test_subfolders_name_classes(tmp_path):
    for c, name in enumerate(("cats", "dogs", "empty", ".git")):
        (tmp_path / name).mkdir()
        for i in range(6 if c != 2 else 0):
            Image.new("L", (8, 8), 40 * c + i).save(tmp_path / name / f"{i}.png")
    both = found(tmp_path)
    assert both.label_names == ("cats", "dogs")
    assert both.sentence.startswith(f"{tmp_path.name}: 12 pictures in 2 classes")
    for pixels in (both.train, both.held_out):
        assert np.array_equal(pixels.images[:, 0, 0, 0] >= 40, pixels.labels == 1)
    e = with_data(Experiment(), Folder(path=str(tmp_path)))
    assert e.score.unet.classes == 2 and e.target.labels is not None
    picture().save(tmp_path / "own.png")
    picture(1).save(tmp_path / "other.png")
    folders.forget()
    assert found(tmp_path).sentence == f"{tmp_path.name}: 2 pictures."


def test_one_subfolder_is_no_class(tmp_path, cats):
    assert found(tmp_path).label_names == ()
    assert found(tmp_path).sentence == f"{tmp_path.name}: 12 pictures."


def test_a_full_folder_is_sampled_always_alike(cats, monkeypatch):
    monkeypatch.setattr(folders, "MOST", 5)
    few = found(cats)
    assert few.sentence == "cats: 5 pictures; a random 5 of 12."
    folders.forget()
    assert found(cats).digest == few.digest
    monkeypatch.setattr(folders, "MOST_ENTRIES", 10)
    folders.forget()
    with pytest.raises(ImageError, match="more than 10 files"):
        found(cats)


def test_what_is_of_no_use_is_refused(tmp_path, cats):
    empty, plain, texts = (tmp_path / name for name in ("empty", "plain", "texts"))
    for folder in (empty, plain, texts):
        folder.mkdir()
    for i in range(3):
        Image.new("L", (9, 9), 77).save(plain / f"{i}.png")
        (texts / f"{i}.png").write_text("words")
    for path, words in (
        (empty, "empty holds no pictures"), (plain, "one plain colour"), (texts, "none of 3 pictures in texts"),
        (tmp_path / "gone", "gone cannot be read .*choose it again"), (cats / "00.png", "cannot be read"),
        ("", "no folder of pictures has been chosen"),
    ):  # fmt: skip
        with pytest.raises(ImageError, match=words):
            found(path)
    with pytest.raises(ImageError, match="only one of the 1"):
        found(cats, names=["00.png"])
    with pytest.raises(ImageError, match="holds no pictures"):
        found(cats, names=["other.png"])


def test_some_files_of_a_folder(cats):
    assert found(cats, names=["00.png", "03.png", "05.png"]).sentence == "cats: 3 pictures."


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
    assert "cats: 12 pictures; 1 file could not be read." in capsys.readouterr().err
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
    assert "no folder of pictures has been chosen" in capsys.readouterr().err
