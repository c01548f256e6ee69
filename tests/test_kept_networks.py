"""What a person trained is not lost without a word: saving, closing, Reset, Restart; and it can be trained further."""

import weakref
from dataclasses import replace

import numpy as np
import pytest
import torch
import windows
from leaks import closed
from test_left_trainings import PATIENCE, of, own, trained, until  # noqa: F401

from explorer.data.distributions import DISTRIBUTIONS
from explorer.experiment.checkpoint import load, save
from explorer.experiment.resolution import untrained
from explorer.experiment.schema import Experiment
from explorer.experiment.training import Course
from explorer.networks.files import save as save_model
from explorer.networks.spec import NetworkSpec, Training
from explorer.session import Session
from explorer.session.document import Document
from explorer.session.notices import NOTHING

TINY = NetworkSpec(16, 1, waves=2)


def small(iterations=2):
    e = Experiment()
    budget = Training(seconds=0, iterations=iterations, device="cpu", batch=64)
    score = replace(e.score, source="trained", network=TINY, training=budget)
    return replace(e, score=score, sampler=replace(e.sampler, steps=2, particles=10))


@pytest.fixture
def home(tmp_path, monkeypatch):
    monkeypatch.setenv("SCORE_EXPLORER_DATA", str(tmp_path / "home"))
    return tmp_path


@pytest.fixture
def window(qapp, qtbot, home):
    with windows.windowed(qtbot, home, started=False) as made:
        made.documents.start()
        made.session.edit(Document(small()))
        yield weakref.proxy(made)


@pytest.fixture
def session():
    made = Session(Document(small()))
    yield made
    assert closed(made)


def said(window):
    window._tick()
    return {n.text: n for n in window.notices.notices()}


def network(window):
    return window.session.networks.trainer.model


# --- saving and closing -----------------------------------------------------------------------------------


def test_saving_says_that_the_network_is_not_in_the_file(window, qtbot, home):
    window.session.networks.use_model(untrained(small()))
    window.documents.save_to(home / "e.json")
    windows.wait(qtbot, lambda: any("not in this file" in text for text in said(window)))
    next(n for t, n in said(window).items() if "not in this file" in t).button.click()
    window.documents.asking.dialog.fileSelected.emit(str(home / "m.safetensors"))
    windows.wait(qtbot, lambda: window.documents.loose_network is None)
    window.notices.clear()
    window.documents.save_to(home / "e.json")
    windows.wait(qtbot, lambda: "Saved as e.json." in said(window))


def test_a_network_that_no_file_has_is_kept_when_the_window_closes(window, qtbot, home):
    window.session.networks.use_model(replace(untrained(small()), facts={"seconds": 3}))
    window.documents.save_to(home / "e.json")
    windows.wait(qtbot, lambda: not window.documents.busy)
    assert not window.documents.dirty
    window.close()
    with windows.windowed(qtbot, home, started=False) as again:
        again.documents.start()
        again.documents.open_path(home / "e.json")
        windows.wait(qtbot, lambda: any("which is not in it" in text for text in said(again)))
        next(n for t, n in said(again).items() if "which is not in it" in t).button.click()
        windows.wait(qtbot, lambda: network(again) is not None)
        assert network(again).facts == {"seconds": 3} and again.documents.loose_network is network(again)


def test_one_that_is_in_a_file_is_not_kept(window, qtbot, home):
    save_model(untrained(small()), home / "m.safetensors")
    window.documents.save_to(home / "e.json")
    windows.wait(qtbot, lambda: not window.documents.busy)
    window.documents.open_path(home / "m.safetensors")
    windows.wait(qtbot, lambda: network(window) is not None)
    assert window.documents.loose_network is None


# --- Reset and Train --------------------------------------------------------------------------------------


def test_reset_can_be_undone(window):
    model = untrained(small())
    window.session.networks.use_model(model)
    window.commands.reset_training()
    assert network(window) is None
    said(window)["The trained network is forgotten."].button.click()
    assert network(window) is model
    window.notices.clear()
    window.session.networks.trainer.use(None)
    window.commands.reset_training()
    assert said(window) == {}  # nothing was lost


def test_the_offer_of_reset_goes_when_a_training_begins(window):
    window.session.networks.use_model(untrained(small()))
    window.commands.reset_training()
    assert "The trained network is forgotten." in said(window)
    window.session.networks.train()  # its Undo would stop this one
    assert not window.session.notices and said(window) == {}
    window.session.networks.use_model(untrained(small()))
    window.commands.reset_training()
    window.session.networks.train()
    assert said(window) == {}  # nor where the window has not taken it yet


def test_points_whose_training_a_change_stops_are_told_what_stays(session):
    trainer = session.networks.trainer
    session.edit(Document(small(100_000)))
    session.networks.train()
    until(lambda: session.tick(0.02), lambda: trainer.model is not None)
    session.edit(session.document.with_data(DISTRIBUTIONS["spiral"]()))
    notice = session.notices[-1]
    assert "Training stopped at" in notice.text and "stays until you train again" in notice.text
    assert notice.action == NOTHING and trainer.model is not None


def test_the_network_before_train_again_comes_back_with_its_losses(session):
    trainer = session.networks.trainer
    session.networks.train()
    until(lambda: session.tick(0.02), lambda: trainer.frame is not None and trainer.frame.done)
    first, frame, rows = trainer.model, trainer.frame, trainer.history.array()
    session.notices.clear()
    session.networks.train()
    (notice,) = session.notices
    assert notice.action == ("Undo", "restore_network")
    until(lambda: session.tick(0.02), lambda: trainer.frame is not None and trainer.frame.done)
    assert trainer.model is not first
    session.networks.restore_network()
    assert trainer.model is first and trainer.frame is frame
    np.testing.assert_array_equal(trainer.history.array(), rows)


# --- going on ---------------------------------------------------------------------------------------------


def test_a_network_that_was_opened_is_trained_further(session):
    trainer, e = session.networks.trainer, small(iterations=1)
    seldom = replace(e.score.training, learning_rate=1e-7)  # so that it stays near where it begins
    e = replace(e, score=replace(e.score, training=seldom))
    session.edit(Document(e))
    assert not session.networks.can_train_on
    start = untrained(replace(e, seed=7))
    session.networks.use_model(start)
    assert session.networks.can_train_on
    session.networks.train_on()
    assert not session.networks.can_train_on  # while it trains
    until(lambda: session.tick(0.02), lambda: trainer.frame is not None and trainer.frame.done)

    def away(other):
        return max(float((trainer.model.weights[k] - v).abs().max()) for k, v in other.weights.items())

    assert 0 < away(start) < 1e-3 < away(untrained(e))
    session.edit(Document(replace(e, score=replace(e.score, network=NetworkSpec(32, 1)))))
    assert not session.networks.can_train_on  # of another shape


def test_the_button_stands_where_there_is_something_to_go_on_from(window, qtbot):
    window.telling.slowly()
    assert window.score.on.isHidden()
    window.session.networks.use_model(untrained(small()))
    window.telling.slowly()
    assert not window.score.on.isHidden() and window.score.reset.isEnabled()


def test_a_checkpoint_of_a_file_is_gone_on_from_in_the_window(own, qapp, qtbot):  # noqa: F811
    e = of(own / "cats")
    course = Course(e)
    frames = course.frames()
    while next(frames).iteration < 3:
        pass
    checkpoint = course.checkpoint()
    frames.close()
    save(checkpoint, own / "c.safetensors")
    begun = load(own / "c.safetensors").numbers["iteration"]
    with windows.windowed(qtbot, own, started=False) as made:
        trainer = made.session.networks.trainer
        made.documents.open_path(own / "c.safetensors")
        windows.wait(qtbot, lambda: trainer.frame is not None, PATIENCE)
        assert trainer.history.rows[0][0] >= begun > 0
        assert made.session.document.experiment.data == e.data
        assert any("goes on from c.safetensors" in text for text in said(made))
        whole = trainer.model
        assert all(torch.isfinite(v).all() for v in whole.weights.values())
