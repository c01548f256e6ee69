"""Training on pictures in the window: its own settings, words without a floor, and going on after a restart."""

import dataclasses

import numpy as np
import pytest
from windows import wait, windowed

from explorer.data.images import DATA
from explorer.experiment.defaults import with_data
from explorer.experiment.resolution import untrained
from explorer.experiment.schema import Experiment
from explorer.networks import files
from explorer.networks.spec import PictureTraining, UNetSpec
from explorer.session.checkpoints import Kept
from explorer.session.document import Document
from explorer.training import TrainFrame
from explorer.ui.cards.cards import ScoreCard
from explorer.ui.cards.charts import LossChart

TINY = UNetSpec(width=8, depth=1, waves=0, classes=10)


@pytest.fixture(autouse=True)
def own_data(tmp_path, monkeypatch):
    """A home of its own: what is kept here is offered to no other test."""
    monkeypatch.setenv("SCORE_EXPLORER_DATA", str(tmp_path / "home"))
    return tmp_path / "home" / "training"


def digits(iterations=100_000):
    e = with_data(Experiment(), DATA["mnist"]())
    training = PictureTraining(seconds=0, iterations=iterations, batch=8, device="cpu")
    score = dataclasses.replace(e.score, source="trained", unet=TINY, picture_training=training)
    sampler = dataclasses.replace(e.sampler, particles=4, steps=2)
    return Document(dataclasses.replace(e, score=score, sampler=sampler))


def trained(qtbot, window, iteration=3):
    trainer = window.session.networks.trainer
    wait(qtbot, lambda: trainer.frame is not None and trainer.frame.iteration >= iteration, 60)


def test_pictures_have_their_own_settings(qtbot):
    card = ScoreCard(digits().experiment.score)
    qtbot.addWidget(card)
    card.set_score(digits().experiment.score, True)
    assert not card.for_pictures.isHidden() and card.details.isHidden()
    shown = {name for name in ("unet", "picture_training") if not card.for_pictures.row(name).isHidden()}
    assert shown == {"unet", "picture_training"}
    told = []
    card.edited.connect(told.append)
    card.for_pictures.row("unet").form.row("width").slider.setValue(500)
    assert told[-1].unet.width == 56 and told[-1].network == digits().experiment.score.network
    card.set_score(digits().experiment.score, False)
    assert card.for_pictures.isHidden() and not card.details.isHidden()
    assert set(card.details._rows) == {"objective", "network", "training"}


def a_frame(**changes):
    nothing = np.full(3, np.nan)
    frame = TrainFrame(
        500, 60.0, 0.1, 0.3, 0.31, np.nan, np.nan, np.array([0.1, 1, 9]), np.array([0.2, 0.1, 0.4]), nothing, 2.5, 64,
        1e-3, "CPU, 1 thread", exact=False, held=0.4123, validated=True,
    )  # fmt: skip
    return dataclasses.replace(frame, **changes)


def test_the_words_of_a_training_without_a_floor(qtbot):
    card = ScoreCard(digits().experiment.score)
    qtbot.addWidget(card)
    card.set_score(digits().experiment.score, True)
    card.set_training(True, False, a_frame(note="Out of memory: the batch was halved to 32."), True)
    words = card.progress.text()
    assert (
        "9 min left" in words
        and "held out 0.4123" in words
        and "2.5 it/s" in words
        and "halved to 32" in words
    )
    assert "nan" not in words and card.resume.isHidden()
    card.set_training(False, False, None, True, 0.43)
    assert not card.resume.isHidden() and card.resume.text() == "Resume (43%)"


def test_the_card_of_a_training_that_has_stopped(qtbot):
    card = ScoreCard(digits().experiment.score)
    qtbot.addWidget(card)
    card.set_score(digits().experiment.score, True)
    card.set_training(False, False, a_frame(), True, 0.1, True)
    assert card.progress.text().startswith("Stopped at 10% · iteration 500")
    assert (
        card.resume.text() == "Resume (10%)" and card.on.isHidden()
    )  # one button: both begin with its network
    card.set_training(False, False, a_frame(progress=0.999), True, 0.999, True)
    assert card.progress.text().startswith("Stopped at 99%") and card.resume.text() == "Resume (99%)"
    done = a_frame(progress=1.0, done=True)
    card.set_training(False, False, done, True, None, True)
    assert card.progress.text().startswith("Done · ")
    assert card.resume.isHidden() and card.on.text() == "Continue training"
    card.set_training(False, False, None, True, 1.0)
    assert card.resume.text() == "Restore trained network" and "to the end" in card.resume.toolTip()


def test_the_loss_chart_shows_what_is_held_out_where_no_floor_is_known(qtbot):
    chart = LossChart()
    qtbot.addWidget(chart)
    nothing = [np.nan, np.nan]
    chart.set_data([1, 2], [1.0, 0.5], nothing, nothing, [1.1, 0.6])
    chart.set_levels([0.1, 1.0], [0.5, 0.4], nothing)
    curves = chart.over_time._curves
    assert np.isfinite(curves["held"].y).all() and not np.isfinite(curves["floor"].y).any()
    chart.set_data([1, 2], [1.0, 0.5], [0.2, 0.2], [0.8, 0.3], nothing)
    assert not np.isfinite(curves["held"].y).any() and np.isfinite(curves["floor"].y).all()


def test_training_is_left_and_gone_on_with_after_a_restart(qtbot, tmp_path, own_data):
    with windowed(qtbot, tmp_path) as window:
        window.session.networks.trainer.kept = Kept(own_data)
        window.session.edit(digits())
        window.commands.train()
        trained(qtbot, window)
        window.commands.pause_training()
        wait(qtbot, lambda: (own_data / "mnist.safetensors").exists())
        window.telling.slowly()
        assert "paused" in window.score.progress.text() and window.score.pause.text() == "Resume"
        window.commands.pause_training()
        trained(qtbot, window, window.session.networks.trainer.frame.iteration + 2)
        reached = window.session.networks.trainer.frame.iteration
    with windowed(qtbot, tmp_path, started=False) as window:
        window.documents.start()
        window.start()
        window._tick()
        (offer,) = [n for n in window.notices.notices() if "MNIST digits stopped" in n.text]
        offer.button.click()
        trained(qtbot, window)
        assert window.session.networks.trainer.frame.iteration > reached
        e = window.session.document.experiment
        assert e.data.name == "mnist" and e.score.unet == TINY and e.score.source == "trained"
        assert e.sampler.particles == 16  # from points: what suits pictures
        window.commands.reset_training()
        assert window.session.networks.trainer.left(e) is None
    assert not (own_data / "mnist.safetensors").exists()


def test_going_on_takes_the_budget_of_the_moment(qtbot, tmp_path, own_data):
    with windowed(qtbot, tmp_path) as window:
        window.session.networks.trainer.kept = Kept(own_data)
        window.session.edit(digits(4))
        window.commands.train()
        wait(qtbot, lambda: not window.session.networks.trainer.running)
        window.telling.slowly()
        assert window.score.resume.isHidden()  # nothing is left of the budget
        window.session.edit(digits(6))
        window.telling.slowly()
        assert not window.score.resume.isHidden() and window.score.resume.text() == "Resume (67%)"
        window.score.resume.click()
        wait(qtbot, lambda: not window.session.networks.trainer.running)
        assert window.session.networks.trainer.frame.iteration == 6


def test_a_broken_checkpoint_is_said(qtbot, tmp_path, own_data):
    with windowed(qtbot, tmp_path) as window:
        session = window.session
        session.networks.trainer.kept = Kept(own_data)
        session.edit(digits(4))
        window.commands.train()
        wait(qtbot, lambda: not session.networks.trainer.running)
        path = own_data / "mnist.safetensors"
        raw = bytearray(path.read_bytes())
        raw[-1] ^= 1
        path.write_bytes(bytes(raw))
        session.networks.resume_training()
        wait(qtbot, lambda: any("is damaged" in n.text for n in window.notices.notices()))


# --- networks on data that they are not for -----------------------------------------------------------------------


@pytest.fixture
def saved(tmp_path):
    """A network for digits and one for points."""
    points = dataclasses.replace(Experiment().score, source="trained")
    for name, e in (
        ("digits", digits().experiment),
        ("points", dataclasses.replace(Experiment(), score=points)),
    ):
        files.save(untrained(e), tmp_path / f"{name}.safetensors")
    return tmp_path


def opened(qtbot, window, path):
    window.documents.open_paths([path])
    wait(qtbot, lambda: not window.documents.busy)
    return window.session.document.experiment


def test_a_network_brings_its_data_along(qtbot, saved):
    with windowed(qtbot, saved) as window:
        e = opened(qtbot, window, saved / "digits.safetensors")
        assert e.data == DATA["mnist"]() and e.sampler.particles == 16 and e.score.source == "trained"
        assert any("trained on MNIST" in n.text for n in window.notices.notices())
        e = opened(qtbot, window, saved / "points.safetensors")
        assert (
            e.pictures is None
            and e.score.source == "trained"
            and window.session.networks.trainer.model.picture is None
        )
        assert not [n.text for n in window.notices.notices() if n.kind == "error"]


def test_a_network_for_other_pictures_is_refused_with_a_sentence(qtbot, saved):
    model = dataclasses.replace(files.load(saved / "digits.safetensors"), data={"type": "no longer known"})
    files.save(model, saved / "strange.safetensors")
    with windowed(qtbot, saved) as window:
        e = opened(qtbot, window, saved / "strange.safetensors")
        assert e.pictures is None
        (said,) = [n.text for n in window.notices.notices() if n.kind == "error"]
        assert said == "strange.safetensors is a network for images of 28 × 28: choose such data first."
