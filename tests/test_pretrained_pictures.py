"""The networks for pictures that come with the program: true cards, small files, one denoiser under every SDE."""

import json
import math
from dataclasses import replace
from itertools import combinations, pairwise

import numpy as np
import pytest
import torch

from explorer.analysis.image_quality import Features
from explorer.analysis.image_quality.summary import likelihoods, networks, table1
from explorer.base import paths
from explorer.cli import main as command_line
from explorer.data.images import IMAGES, to_pixels
from explorer.diffusion.samplers import SOLVERS, Reverse, Sampler
from explorer.diffusion.sdes import SDES
from explorer.diffusion.simulate import simulate
from explorer.experiment.codec import encode
from explorer.experiment.resolution import resolve
from explorer.networks.files import load, save
from explorer.networks.image_classifier import load_classifier
from explorer.networks.learned import LearnedScore
from explorer.networks.spec import UNetSpec
from explorer.pretraining import images as pretrain_pictures
from explorer.pretraining.images import Recipe, write_network
from explorer.pretraining.points import card_path, sha256
from explorer.pretraining.shelf import Shelf, read_card
from explorer.training.images import Material, PictureRun

LOADERS = {"": load, "features": Features.load, "classifier": load_classifier}
FILES = sorted(p for p in paths.pretrained().glob("*.safetensors") if p.name.split(".")[0] in IMAGES)
#: Everything in pretrained/, in bytes.
MOST = 25 * 10**6


def part_of(path):
    return ".".join(path.name.split(".")[1:-1])


# --- what ships --------------------------------------------------------------------------------------------


def test_every_network_has_the_classifier_it_is_measured_with():
    names = {p.name for p in FILES}
    networks = {p.name.split(".")[0] for p in FILES if not part_of(p)}
    assert "mnist" in networks and "mnist.classifier.safetensors" in names
    assert {f"{name}.features.safetensors" for name in networks} <= names


def test_all_that_ships_is_small():
    assert sum(p.stat().st_size for p in paths.pretrained().iterdir()) <= MOST
    assert all(p.stat().st_size <= 400_000 for p in FILES if part_of(p) == "features")


@pytest.mark.parametrize("path", FILES, ids=lambda p: p.name)
def test_a_card_is_true_of_its_file(path):
    card, data = read_card(path), IMAGES[path.name.split(".")[0]]()
    assert card["sha256"] == sha256(path) and card["bytes"] == path.stat().st_size
    assert card["data"] == encode(data) and card["title"] == data.title
    assert card["archive"]["credit"] == data.credit and len(card["archive"]["sha256"]) == 64
    assert card["archive"]["train"] > card["archive"]["test"] > 0
    assert card["training"]["iterations"] > 0 and card["training"]["seconds"] > 0
    assert "seed" in card["training"] and "torch" in card["hardware"]
    assert (
        f"--{part_of(path) or 'network'}" in card["command"] and f"--pictures {data.name}" in card["command"]
    )
    assert str(card["training"]["iterations"]) in card["command"]
    found = LOADERS[part_of(path)](path)
    assert (found.spec if part_of(path) == "classifier" else found).picture == data.size


@pytest.mark.parametrize("path", [p for p in FILES if part_of(p) == "features"], ids=lambda p: p.name)
def test_the_card_of_a_classifier_has_its_accuracy(path):
    """Within what 300 pictures can tell."""
    data, quality = IMAGES[path.name.split(".")[0]](), read_card(path)["quality"]
    some = data.held_out.take(slice(0, 300))
    claimed, found = quality["test_accuracy"], Features.load(path).accuracy(some)
    assert abs(found - claimed) < 4 * math.sqrt(claimed * (1 - claimed) / len(some)) + 0.01
    assert claimed >= {"mnist": 0.99, "fashion_mnist": 0.90}.get(data.name, 0)


@pytest.mark.parametrize("path", [p for p in FILES if not part_of(p)], ids=lambda p: p.name)
def test_the_card_of_a_network_has_its_quality_with_what_belongs_beside_it(path):
    card = read_card(path)
    quality = card["quality"]
    assert {"note", "precision", "samples", "copies"} <= quality.keys()
    assert card["network"]["classes"] == IMAGES[path.stem]().classes and quality["note"]
    assert {0.0, 1.0, 2.0} >= {row["weight"] for row in quality["samples"]} >= {1.0, 2.0}
    for row in quality["samples"]:
        assert row["n"] > 0 and row["evaluations"] <= 50 and row["floor"]["mean"] > 0
        assert row["ratio"] == pytest.approx(row["frechet"]["mean"] / row["floor"]["mean"], rel=2e-3)
        if row["weight"]:
            assert 0 < row["accuracy"] <= 1 and row["accuracy_error"] > 0
    if bits := quality.get("bits"):
        assert bits["mean"] > 0 and bits["error"] > 0 and bits["n"] > 1 and bits["probes"] > 0
        assert bits["evaluations"] >= 128  # fewer flatter
    copied = quality["copies"]
    assert 0 <= copied["rate"] <= 1 and copied["rate_error"] > 0 and copied["n"] > 0


@pytest.mark.parametrize("path", FILES, ids=lambda p: p.name)
def test_one_line_makes_what_is_shipped(path):
    """`pretrain --pictures NAME` alone takes the iterations and settings that the cards tell of."""
    card, name = read_card(path), path.name.split(".")[0]
    if part := part_of(path):
        assert pretrain_pictures.ITERATIONS[name][part] == card["training"]["iterations"]
        return
    stages, last = [], card["training"]
    for recipe in reversed(pretrain_pictures.RECIPES[name]):
        stages.append(last["iterations"])
        assert recipe.settings.items() <= last.get("settings", recipe.settings).items()
        last = last.get("start")
    assert last is None and stages[::-1] == [r.iterations for r in pretrain_pictures.RECIPES[name]]


def test_the_digits_are_as_good_as_they_are_meant_to_be():
    """At least 97 of 100 right classes at weight 1, 99.5 at weight 2; three times the floor; 1.3 bits/dim."""
    quality = read_card(paths.pretrained() / "mnist.safetensors")["quality"]
    rows = [row for row in quality["samples"] if row["n"] >= 5000 and row["evaluations"] <= 50]
    right = {w: max(row["accuracy"] for row in rows if row["weight"] == w) for w in (1.0, 2.0)}
    assert right[1.0] >= 0.97 and right[2.0] >= 0.995
    assert min(row["ratio"] for row in rows if row["weight"] == 1.0) <= 3
    assert quality["bits"]["mean"] + 2 * quality["bits"]["error"] <= 1.30


@pytest.mark.parametrize("path", [p for p in FILES if not part_of(p)], ids=lambda p: p.name)
def test_a_network_that_ships_makes_pictures(path):
    """A few samples by the way the window begins with: they use the range of grey levels, and differ."""
    from explorer.experiment.defaults import with_data
    from explorer.experiment.schema import Experiment

    e = with_data(Experiment(), IMAGES[path.stem]())
    e = replace(e, sampler=replace(e.sampler, particles=4))
    found = resolve(e)
    assert not found.exact and found.labelled is not None
    *_, end = simulate(e.sde, e.sampler, found.score, e.data.mixture, 0)
    pixels = to_pixels(end.x, e.pictures.size)
    assert pixels.min() < 40 and pixels.max() > 215
    assert min(np.abs(a - b).mean() for a, b in combinations(end.x, 2)) > 0.05


def test_the_page_on_quality_has_the_tables_of_the_cards():
    cards = {p.stem: read_card(p) for p in FILES if not part_of(p)}
    page = (paths.pretrained().parent / "docs" / "quality.md").read_text(encoding="utf-8")
    rows = [*networks(cards), *likelihoods(cards)]
    rows += [row for card in cards.values() if "table1" in card.get("quality", {}) for row in table1(card)]
    assert len(rows) > 4 and not [row for row in rows if row not in page]


# --- one denoiser, every SDE -------------------------------------------------------------------------------


def tiny(seed=0):
    """A small network with weights everywhere (a fresh one is the best linear denoiser)."""
    from explorer.networks.unet import PictureDenoiser

    net = PictureDenoiser(UNetSpec(16, 1, 1, 10), (1, 28, 28), (-0.74,), 0.6)
    random = torch.Generator().manual_seed(seed)
    for w in net.parameters():
        w.data += 0.03 * torch.randn(w.shape, generator=random)
    return net.requires_grad_(False).eval()


def heun_of_edm(net, y, levels):
    """Karras et al. 2022, Algorithm 1, on the denoiser itself: no SDE, no score."""
    for v, v_next in pairwise(levels):
        slope = (y - net(y, v)) / v
        end = y + (v_next - v) * slope
        y = y + (v_next - v) * 0.5 * (slope + (end - net(end, v_next)) / v_next)
    return y


@pytest.mark.parametrize("name", ["ve", "vp", "subvp"])
def test_every_flow_through_the_denoiser_is_edm_s(name):
    """One start in y = x/alpha at one level, fine steps: the flow of each SDE ends where EDM's own solver does."""
    net = tiny().double()
    sde = SDES[name](sigma_max=50.0) if name == "ve" else SDES[name]()
    high, low = 20.0, 0.02
    z = torch.randn(2, 784, generator=torch.Generator().manual_seed(1), dtype=torch.float64)
    levels = np.geomspace(high, low, 101).tolist()
    expected = heun_of_edm(net, high * z, levels)
    score = LearnedScore(net, sde)
    x = high * z * sde.marginal(sde.time_at(high))[0]
    times = [sde.time_at(v) for v in levels]
    process, method = Reverse(sde, score, 0.0), SOLVERS["heun"]()
    walk = method.begin(process, times)
    for t, t_next in pairwise(times):
        x = walk.step(x, t, t_next, torch.zeros_like(x)).x
    found = x / sde.marginal(times[-1])[0]
    error = float((found - expected).square().mean().sqrt() / expected.std())
    assert error < 2e-3


@pytest.mark.parametrize("name", ["vp", "subvp"])
def test_ddim_is_euler_s_method_in_edm_s_coordinates(name):
    """Exactly, whatever the grid: DDIM under any SDE is y' = D + (v'/v)(y - D)."""
    net, sde = tiny(), SDES[name]()
    sampler = Sampler(mode="ode", solver=SOLVERS["ddim"](), grid="edm", steps=8, particles=4, denoise=False)
    frames = list(simulate(sde, sampler, LearnedScore(net, sde), IMAGES["mnist"]().mixture, 3))
    levels = [f.sigma / f.alpha for f in frames]
    y = torch.from_numpy(frames[0].x) / frames[0].alpha
    for v, v_next in pairwise(levels):
        clean = net(y, v)
        y = clean + v_next / v * (y - clean)
    torch.testing.assert_close(torch.from_numpy(frames[-1].x) / frames[-1].alpha, y, atol=2e-3, rtol=1e-3)


# --- made anew ---------------------------------------------------------------------------------------------


def few(data, n=64):
    """A little archive in the place of a whole one."""
    return data.train.take(slice(0, n)), data.held_out.take(slice(0, n))


@pytest.fixture
def archive(tmp_path):
    """As Keras distributes MNIST, but small."""
    train, test = few(IMAGES["mnist"]())
    path = tmp_path / "few.npz"
    np.savez(
        path, x_train=train.images[:, 0], y_train=train.labels, x_test=test.images[:, 0], y_test=test.labels
    )
    return path


@pytest.fixture
def small_network(monkeypatch):
    """A network that a test has time for."""
    whole = pretrain_pictures.experiment_of

    def small(data, iterations, seed):
        e = whole(data, iterations, seed)
        training = replace(e.score.picture_training, batch=4, device="cpu")
        return replace(e, score=replace(e.score, unet=UNetSpec(16, 1, 0, 10), picture_training=training))

    monkeypatch.setattr(pretrain_pictures, "experiment_of", small)


def test_the_command_makes_network_classifiers_and_cards(archive, tmp_path, small_network, capsys):
    out = tmp_path / "out"
    common = ["pretrain", "--pictures", "mnist", "--archive", str(archive), "--out", str(out), "--seed", "3"]
    assert command_line([*common, "--features", "--classifier", "--network", "--iterations", "2"]) == 0
    shelf = Shelf(IMAGES["mnist"](), out, archive)
    for part, loader in LOADERS.items():
        card = read_card(shelf.path(part))
        loader(shelf.path(part))
        assert card["archive"] == shelf.source and card["archive"]["train"] == 64
        assert card["training"]["iterations"] == 2 and card["training"]["seed"] == 3
        assert "--archive few.npz" in card["command"] and str(tmp_path) not in json.dumps(card)
    small = ["--samples", "10", "--test-pictures", "2", "--table-samples", "4", "--seeds", "2"]
    parts = ["--measure", "samples", "copies", *small]
    assert command_line([*common, *parts]) == 0
    quality = read_card(shelf.path())["quality"]
    assert [row["n"] for row in quality["samples"]] == [10, 10, 10, 10] and quality["copies"]["n"] == 2
    assert quality["samples"][2]["weight"] == 2 and quality["samples"][2]["evaluations"] == 24
    assert quality["samples"][3]["weight"] == 0 and "accuracy" not in quality["samples"][3]
    assert len(list(networks({"mnist": read_card(shelf.path())}))) == 2 + 4
    archived = "python main.py pretrain --pictures mnist --archive few.npz"
    assert quality["commands"]["samples"] == f"{archived} --measure samples --samples 10"
    assert "bits" not in quality and '"samples"' in capsys.readouterr().out
    first, *_ = (table_after(cost, shelf, [*common, *small]) for cost in (2, 4))
    kept = read_card(shelf.path())["quality"]
    assert [row["evaluations"] for row in kept["table1"]] == [2] * 6 + [4] * 6 and kept["table1"][:6] == first
    assert kept["commands"]["table1"].endswith("--table-samples 4 --seeds 2 --costs 2 4")
    assert len(list(table1(read_card(shelf.path())))) == 2 + 6


def table_after(cost, shelf, options):
    """Table 1 on the card when another cost is measured."""
    assert command_line([*options, "--measure", "table1", "--costs", str(cost)]) == 0
    return read_card(shelf.path())["quality"]["table1"]


def test_only_pictures_that_come_with_the_program_are_offered(capsys):
    with pytest.raises(SystemExit):
        pretrain_pictures.main(["--pictures", "folder", "--network"])
    assert "invalid choice: 'folder'" in capsys.readouterr().err


def test_hours_may_be_spread(tmp_path, small_network):
    """A training that is stopped and gone on from gives the weights of one that was not."""
    data = IMAGES["mnist"]()
    whole, parts = (Shelf(data, tmp_path / name) for name in ("whole", "parts"))
    for shelf in (whole, parts):
        shelf.folder.mkdir()
        shelf.__dict__["pixels"] = few(data)
    e = pretrain_pictures.experiment_of(data, Recipe(6), 1)
    pretrain_pictures.train_network(whole, Recipe(6), 1, None)
    from explorer.experiment import checkpoint

    run = PictureRun(Material.of(data, few(data)), e.score.unet, e.score.picture_training, 1)
    for _ in range(3):
        run.iterate()
    checkpoint.save(checkpoint.Checkpoint.of(run, e), tmp_path / "c")
    pretrain_pictures.train_network(parts, Recipe(6), 1, tmp_path / "c")
    a, b = load(whole.path()).weights, load(parts.path()).weights
    assert all(torch.equal(a[k], b[k]) for k in a)
    assert sha256(whole.path()) == sha256(parts.path())


def test_a_recipe_goes_on_from_weights_and_stands_on_the_card(tmp_path, small_network):
    data = IMAGES["mnist"]()
    shelf = Shelf(data, tmp_path)
    shelf.__dict__["pixels"] = few(data)
    pretrain_pictures.train_network(shelf, Recipe(1), 1, None)
    first = load(shelf.path())
    (tmp_path / "first.safetensors").write_bytes(shelf.path().read_bytes())
    # a rate of nearly nothing: what comes out is what was gone on from
    recipe = Recipe(2, {"label_drop": 0.5, "learning_rate": 1e-8}, tmp_path / "first.safetensors")
    pretrain_pictures.train_network(shelf, recipe, 2, None)
    again, card = load(shelf.path()), read_card(shelf.path())
    assert all(torch.allclose(again.weights[k], w, atol=2e-3) for k, w in first.weights.items())
    assert card["training"]["settings"]["label_drop"] == 0.5 and card["training"]["start"] == first.facts
    options = pretrain_pictures.parser().parse_args(card["command"].split()[3:])
    assert dict(options.set) == recipe.settings and options.iterations == 2 and options.seed == 2


def test_the_stages_of_a_recipe_follow_each_other(tmp_path, small_network, monkeypatch):
    monkeypatch.setitem(
        pretrain_pictures.RECIPES, "mnist", (Recipe(2), Recipe(1, {"label_drop": 0.5}, seed=1))
    )
    assert command_line(["pretrain", "--pictures", "mnist", "--network", "--out", str(tmp_path)]) == 0
    card = read_card(tmp_path / "mnist.safetensors")["training"]
    assert (card["iterations"], card["seed"], card["settings"]["label_drop"]) == (1, 1, 0.5)
    assert (card["start"]["iterations"], card["start"]["seed"]) == (2, 0)


@pytest.mark.parametrize("setting", ["label_drop", "speed=1", "label_drop=half", "device=cpu"])
def test_settings_that_do_not_exist_are_refused(setting, capsys):
    with pytest.raises(SystemExit):
        pretrain_pictures.parser().parse_args(["--pictures", "mnist", "--set", setting])
    assert setting.split("=")[0] in capsys.readouterr().err


def test_weights_are_stored_as_float16_and_read_as_float32(tmp_path, small_network):
    data = IMAGES["mnist"]()
    shelf = Shelf(data, tmp_path)
    e = pretrain_pictures.experiment_of(data, Recipe(1), 0)
    run = PictureRun(Material.of(data, few(data)), e.score.unet, e.score.picture_training, 0)
    *_, last = run.frames(0.0)
    write_network(shelf, e, last, Recipe(1), None)
    model = load(shelf.path())
    assert all(w.dtype == torch.float32 for w in model.weights.values())
    assert all(torch.equal(model.weights[k], w.half().float()) for k, w in last.weights.items())
    numbers = sum(w.numel() for w in model.weights.values())
    assert shelf.path().stat().st_size < 2.1 * numbers + 20_000
    save(replace(model, weights=last.weights), tmp_path / "full.safetensors")
    assert (tmp_path / "full.safetensors").stat().st_size > 1.8 * shelf.path().stat().st_size
    assert card_path(shelf.path()).name == "mnist.json"
