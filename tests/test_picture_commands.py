"""The commands on pictures say headless what the window says, and reach what it reaches."""

import dataclasses
import json
from types import SimpleNamespace

import numpy as np
import pytest
from PIL import Image

from explorer.cli import main
from explorer.data.images import DATA
from explorer.data.images import folder as folders
from explorer.diffusion.sdes import SDES
from explorer.diffusion.simulate import simulate
from explorer.experiment import resolution as models
from explorer.experiment.defaults import with_data
from explorer.experiment.schema import Experiment
from explorer.experiment.view_settings import Look
from explorer.figures.marks import Text
from explorer.figures.views import Scene, compose
from explorer.labs import denoising_trajectory as film
from explorer.labs import image_snr as picture_snr
from explorer.networks.card import _read
from explorer.networks.files import save
from explorer.networks.spec import UNetSpec
from explorer.session import document
from explorer.session.document import Document


def written(path, e):
    document.write(path, Document(e))
    return str(path)


def run(capsys, *argv):
    """Exit code, stdout and stderr of a command."""
    capsys.readouterr()
    code = main([str(a) for a in argv])
    out, err = capsys.readouterr()
    return code, out, err


def digits(**sampler):
    e = with_data(Experiment(), DATA["mnist"]())
    sampler = dataclasses.replace(e.sampler, **({"particles": 2, "steps": 2} | sampler))
    return dataclasses.replace(e, score=dataclasses.replace(e.score, source="exact"), sampler=sampler)


# --- the SDE that suits pictures -----------------------------------------------------------------------------


def test_ve_reaches_further_for_pictures():
    """MATH.md: 10 for points of the plane, 50 for pictures; changed numbers stay."""
    ve = SDES["ve"]
    points = Experiment(sde=ve())
    there = with_data(points, DATA["mnist"]())
    assert there.sde == ve(sigma_max=50.0)
    assert with_data(there, DATA["fashion_mnist"]()).sde == there.sde
    assert with_data(there, points.data).sde == ve()
    own = dataclasses.replace(points, sde=ve(sigma_max=20.0))
    assert with_data(own, DATA["mnist"]()).sde == own.sde
    assert SDES["vp"]().refitted(True) == SDES["vp"]()


@pytest.mark.parametrize(
    "argv, found",
    [
        (["--distribution", "mnist", "--sde", "ve"], 50.0),
        (["--sde", "ve"], 10.0),
        (["--set", "sde=ve", "--set", "data=mnist", "--set", "sde.sigma_min=0.02"], 50.0),
        (["--distribution", "mnist", "--set", "sde.type=ve"], 50.0),
        (["--distribution", "mnist", "--sde", "ve", "--set", "sde.sigma_max=30"], 30.0),
    ],
)
def test_the_shell_takes_the_ve_that_suits(capsys, argv, found):
    code, out, _ = run(capsys, "new", *argv, "--out", "-")
    sde = json.loads(out)["sde"]
    assert (code, sde["type"], sde["sigma_max"]) == (0, "ve", found)


def test_the_card_offers_the_ve_that_suits(qtbot):
    from explorer.ui.cards.cards import ProcessCard

    card, offered = ProcessCard(SDES["vp"]()), []
    qtbot.addWidget(card)
    card.edited.connect(offered.append)
    for pictures in (True, False):
        card.set_sde(SDES["vp"](), pictures)
        card.choose("ve")
    assert [sde.sigma_max for sde in offered] == [50.0, 10.0]
    card.set_sde(SDES["ve"](sigma_max=20.0))  # numbers of the user's own stay
    card.set_sde(SDES["vp"](), True)
    card.choose("ve")
    assert offered[-1].sigma_max == 20.0


# --- what the window warns of -------------------------------------------------------------------------------------


def test_the_shell_warns_as_the_window_does(capsys, tmp_path):
    rough = written(tmp_path / "pc.json", digits(mode="pc", steps=40, snr=1.5))
    sound = written(tmp_path / "ode.json", digits(steps=12))
    for command in (["run"], ["export", "--out", tmp_path / "x.npz"]):
        code, _, err = run(capsys, *command, rough)
        assert code == 0 and "note: snr = 1.5 is large" in err
        assert "large" not in run(capsys, *command, sound)[2]
    _, _, err = run(capsys, "inpaint", "--exact", "--n", 1, "--steps", 2, "--out", tmp_path / "x.png")
    assert "note: N = 2 steps are too few" in err


# --- sentences that follow the numbers ---------------------------------------------------------------------------


@pytest.mark.parametrize(
    "apart, said", [(0.02, "the start decides"), (0.3, "but less than"), (0.8, "as much as")]
)
def test_the_film_says_how_far_its_ends_are_apart(apart, said):
    data = SimpleNamespace(sigma_data=0.5)  # two pictures of the set are √2 · 0.5 apart
    assert said in film._apart(apart * 2**0.5 * 0.5, data)


@pytest.mark.parametrize(
    "left, longest, said",
    [
        (
            (1.38, 2.2, 1.33),
            (1.13, 1.14, 1.13),
            "None of these is too large by these measures. Above snr = 0.5",
        ),
        ((1.38, 1.2, 9.0), (1.0, 1.0, 1.0), "Too large here: snr = 0.6;"),
        ((1.38, 1.2, 1.3), (0.8, 1.0, 1.0), "None of these"),  # as long as is to be expected
        ((1.38, 1.2, 1.3), (1.0, 1.2, 1.3), "Too large here: snr = 0.05, 0.6;"),
    ],
)
def test_only_noise_that_is_seen_makes_an_snr_too_large(left, longest, said):
    rows = zip((0.0, 0.05, 0.6), left, longest, strict=True)
    runs = [SimpleNamespace(snr=s, left=n, longest=long) for s, n, long in rows]
    assert said in picture_snr._words(runs)
    none_warned_of = picture_snr._words(runs[:1])
    assert none_warned_of.endswith("None of these is too large here.")


# --- pictures of the user's own ----------------------------------------------------------------------------------


@pytest.fixture
def digit(tmp_path):
    """One digit twice: light on dark as the set's are, and dark on light paper."""
    levels = DATA["mnist"]().held_out.images[3, 0]
    Image.fromarray(levels).save(tmp_path / "dark.png")
    Image.fromarray(255 - levels).save(tmp_path / "light.png")
    return levels


def test_a_digit_on_light_paper_is_turned_and_said_to_be(capsys, tmp_path, digit):
    file, found = written(tmp_path / "e.json", digits()), []
    for name, said in (("dark", "pixels."), ("light", "pixels, light and dark exchanged.")):
        image = tmp_path / f"{name}.png"
        code, out, err = run(capsys, "likelihood", file, "--image", image, "--steps", 2, "--json")
        found.append(json.loads(out)["bits_per_dim"])
        assert code == 0 and f"{name}.png: brought to 28 x 28 {said}" in err
    assert found[0] == found[1]
    _, _, err = run(
        capsys, "inpaint", "--exact", "--n", 1, "--image", tmp_path / "light.png", "--out", tmp_path / "x.png"
    )
    assert "light and dark exchanged" in err


def test_a_drawing_comes_from_a_file(capsys, tmp_path, digit):
    file, out = written(tmp_path / "e.json", digits()), tmp_path / "d.npz"
    light = tmp_path / "light.png"
    code, _, err = run(capsys, "lab", "drawing", file, "--image", light, "--quick", "--out", out)
    assert code == 0 and "light and dark exchanged" in err
    with np.load(out) as arrays:
        assert np.array_equal(arrays["drawing"], digit)
    emoji = dataclasses.replace(digits(), data=DATA["twemoji"]())
    code, _, err = run(
        capsys, "lab", "drawing", written(tmp_path / "t.json", emoji), "--image", light, "--quick"
    )
    assert code == 0 and "brought to 32 x 32" in err
    for name, e, said in (
        ("film", digits(), "film takes none"), ("drawing", Experiment(), "images"),
    ):  # fmt: skip
        code, _, err = run(capsys, "lab", name, written(tmp_path / "w.json", e), "--image", light)
        assert code == 2 and said in err


# --- what the nearest training picture is sought among -----------------------------------------------------------


@pytest.fixture
def card(tmp_path, monkeypatch):
    """A card that names as many pictures as it is told to; the network itself is not there."""
    path = tmp_path / "mnist.safetensors"
    monkeypatch.setattr(models, "pretrained_path", lambda data: path)
    monkeypatch.setattr(models, "pretrained", lambda data: None)

    def of(count):
        path.with_suffix(".json").write_text(json.dumps({"archive": {"train": count}}))
        _read.cache_clear()

    return of


def from_the_program(**sampler):
    e = digits(**sampler)
    return dataclasses.replace(e, score=dataclasses.replace(e.score, source="pretrained"))


def test_a_network_may_have_learned_from_more_than_is_searched(card):
    e, there = from_the_program(), len(DATA["mnist"]().train)
    assert models.learned_from(e) is None  # no card
    card(6 * there)
    assert models.learned_from(e) == 6 * there and f"{6 * there:,}" in models.searched(e)
    assert models.searched(digits()) == "" == models.searched(Experiment())  # exact: of those at hand
    card(there)
    assert models.searched(e) == ""


def test_it_is_said_wherever_the_nearest_is_shown(card, capsys, tmp_path):
    e, more = from_the_program(), 60_000
    card(more)
    found = simulate(e.sde, e.sampler, models.resolve(e).score, e.target, e.seed)
    *_, frame = found
    scene = Scene(e, Look(picture=1, nearest=True), (frame,), models.resolve(e).score, (-1.5, 1.5, -1, 1))
    texts = [m.text for m in compose(scene) if isinstance(m, Text)]
    assert any("shipped; learned from 60,000" in text for text in texts)
    file = written(tmp_path / "e.json", e)
    _, out, _ = run(capsys, "run", file, "--metrics")
    assert json.loads(out)["metrics"]["nearest_training_picture"]["learned_from"] == more
    _, _, err = run(capsys, "lab", "nearest", file, "--quick")
    assert "The network learned from 60,000" in err


# --- a folder of pictures ----------------------------------------------------------------------------------------


@pytest.fixture
def squares(tmp_path):
    folders.forget()
    folder = tmp_path / "squares"
    folder.mkdir()
    for i, levels in enumerate(DATA["mnist"]().train.images[:6, 0]):
        Image.fromarray(levels).save(folder / f"{i}.png")
    return folder


def test_a_folder_that_has_changed_is_said_headless(capsys, tmp_path, squares):
    file = tmp_path / "own.json"
    made = ["--distribution", "folder", "--set", f"data.path={squares}", "--set", "sampler.particles=2"]
    assert run(capsys, "new", *made, "--out", file)[0] == 0
    _, _, err = run(capsys, "run", file)
    assert "others than it was made with" not in err
    (squares / "5.png").unlink()
    folders.forget()
    code, _, err = run(capsys, "run", file)
    assert code == 0 and "note: The pictures in squares are others than it was made with." in err


def test_a_part_of_ones_own_picture_is_filled_in(capsys, tmp_path, squares):
    sheet, file = tmp_path / "sheet.png", tmp_path / "own.json"
    code, _, err = run(
        capsys, "inpaint", "--data", squares, "--exact", "--n", 2, "--out", sheet, "--save", file
    )
    assert code == 0 and sheet.is_file() and "squares: 6 images." in err
    assert document.read(file)[0].experiment.data.path == str(squares)
    code, _, _ = run(capsys, "inpaint", "--data", file, "--exact", "--n", 1, "--out", sheet)
    assert code == 0
    points = written(tmp_path / "points.json", Experiment())
    for given, said in ((points, "its data are points"), (tmp_path / "gone", "or name a folder of your own")):
        code, _, err = run(capsys, "inpaint", "--data", given, "--out", sheet)
        assert code == 2 and said in err


# --- a network of other pictures ---------------------------------------------------------------------------------


@pytest.fixture
def network(tmp_path):
    """An untrained network for MNIST in a file."""
    e = with_data(Experiment(), DATA["mnist"]())
    tiny = dataclasses.replace(e.score, source="trained", unet=UNetSpec(width=8, depth=1, classes=10))
    save(models.untrained(dataclasses.replace(e, score=tiny)), tmp_path / "digits.safetensors")
    return tmp_path / "digits.safetensors"


def test_a_network_of_other_pictures_is_told_of(capsys, tmp_path, network):
    fashion = dataclasses.replace(digits(), data=DATA["fashion_mnist"]())
    said = "note: --model: the network was trained on other data (MNIST digits)."
    for e, there in ((fashion, True), (digits(), False)):
        file = written(tmp_path / "e.json", e)
        code, _, err = run(capsys, "run", file, "--model", network)
        assert code == 0 and (said in err) == there
    for data, there in (("fashion_mnist", True), ("mnist", False)):
        code, _, err = run(
            capsys, "inpaint", "--data", data, "--model", network, "--n", 1, "--steps", 8, "--out",
            tmp_path / "x.png",
        )  # fmt: skip
        assert code == 0 and (said in err) == there


def test_table_1_of_pictures_is_pointed_to(capsys, tmp_path):
    code, _, err = run(capsys, "lab", "table1", written(tmp_path / "e.json", digits()))
    assert code == 2 and "--measure table1" in err and "docs/quality.md" in err
    # what is pointed to is there
    code, _, err = run(capsys, "pretrain", "--pictures", "mnist", "--measure", "nonsense")
    assert code == 2 and "table1" in err
