"""Trainings on pictures that are left: nothing but Reset forgets them, each data has its own, and a device's fault."""

import threading
import time
from dataclasses import replace

import numpy as np
import pytest
from leaks import closed
from PIL import Image
from windows import wait, windowed

from explorer.base.errors import sentence
from explorer.data.images import folder as folders
from explorer.data.images.folder import Folder, read
from explorer.experiment.codec import encode
from explorer.experiment.defaults import with_data
from explorer.experiment.resolution import untrained
from explorer.experiment.schema import Experiment
from explorer.networks.spec import PictureTraining, Training, UNetSpec
from explorer.session import Session
from explorer.session import checkpoints as keeping
from explorer.session.checkpoints import Kept
from explorer.session.document import Document
from explorer.session.trainer import Trainer
from explorer.training import DeviceError, TrainingError

PATIENCE = 30.0


def until(tick, condition):
    end = time.monotonic() + PATIENCE
    while not condition():
        assert time.monotonic() < end, "waited in vain"
        tick()
        time.sleep(0.002)


@pytest.fixture
def own(tmp_path, monkeypatch):
    """A home of its own, two folders of pictures, and where trainings are kept."""
    monkeypatch.setenv("SCORE_EXPLORER_DATA", str(tmp_path / "home"))
    folders.forget()
    for number, name in enumerate(("cats", "dogs")):
        (tmp_path / name).mkdir()
        rng = np.random.default_rng(number)
        for i in range(6):
            Image.fromarray(rng.integers(0, 255, (16, 16), np.uint8)).save(tmp_path / name / f"{i}.png")
    return tmp_path


def of(folder):
    """A small network for the pictures of a folder, trained for as long as it is let."""
    data = read(Folder(path=str(folder), side=16))
    e = with_data(Experiment(), data)
    budget = PictureTraining(seconds=0, iterations=1000, batch=4, device="cpu")
    unet = UNetSpec(width=8, depth=1, waves=0, classes=0)
    score = replace(e.score, source="trained", unet=unet, picture_training=budget)
    return replace(e, score=score, sampler=replace(e.sampler, particles=4, steps=2))


@pytest.fixture
def session(own):
    session = Session(Document(of(own / "cats")))
    session.networks.trainer.kept = Kept(own / "home" / "training")
    session.start()
    yield session
    assert closed(session)


def trained(session, iteration=2):
    frame = lambda: session.networks.trainer.frame  # noqa: E731
    until(lambda: session.tick(0.02), lambda: frame() is not None and frame().iteration >= iteration)


def left(session):
    """Leave the training, and give what is kept of it."""
    session.networks.trainer.cancel()
    until(lambda: session.tick(0.02), lambda: session.networks.trainer.threads == 0)
    return session.networks.trainer.left(session.document.experiment)


def test_opening_a_network_does_not_forget_the_training(session):
    session.networks.train()
    trained(session)
    session.networks.use_model(untrained(replace(session.document.experiment, seed=7)))
    assert not session.networks.trainer.running and session.networks.trainer.frame is None
    assert left(session) is not None
    session.networks.train()  # ... nor one that has stopped
    trained(session)
    assert left(session) is not None
    session.networks.use_model(untrained(replace(session.document.experiment, seed=8)))
    assert left(session) is not None
    session.networks.reset_training()
    assert left(session) is None and session.networks.trainer.model is None


def test_one_that_is_just_being_kept_is_gone_on_from(own, monkeypatch):
    saving, gate, save = threading.Event(), threading.Event(), keeping.save

    def slowly(checkpoint, path, **how):
        saving.set()
        assert gate.wait(PATIENCE)
        save(checkpoint, path, **how)

    monkeypatch.setattr(keeping, "save", slowly)
    e, trainer = of(own / "cats"), Trainer()
    trainer.kept = Kept(own / "kept")
    trainer.start(e)
    until(trainer.drain, lambda: trainer.frame is not None and trainer.frame.iteration >= 2)
    reached = trainer.frame.iteration
    trainer.cancel()
    assert saving.wait(PATIENCE)
    trainer.go_on(e)
    trainer.drain()
    assert trainer.running and trainer.threads == 1  # one at a time: the old one is still at its file
    gate.set()
    until(trainer.drain, lambda: trainer.frame is not None)
    assert trainer.frame.iteration > reached and trainer.error is None
    assert trainer.kept.path(e).is_file()
    assert trainer.close(PATIENCE)


def test_each_folder_has_a_training_of_its_own(session, own):
    session.networks.train()
    trained(session)
    cats = left(session)
    session.edit(Document(of(own / "dogs")))
    assert session.networks.trainer.left(session.document.experiment) is None
    session.networks.train()
    trained(session)
    assert left(session).experiment.data.path == str(own / "dogs")
    session.edit(Document(of(own / "cats")))
    assert session.networks.trainer.left(session.document.experiment).progress == cats.progress


def test_train_says_that_it_begins_anew_and_offers_to_go_on(session):
    session.networks.train()
    trained(session)
    reached = left(session)
    session.notices.clear()
    session.networks.train()
    (offer,) = session.notices
    assert f"{reached.progress:.0%}" in offer.text
    trained(session, 1)
    getattr(session.networks, offer.action[1])()
    trained(session, round(1000 * reached.progress) + 1)
    assert session.networks.trainer.history.array()[0, 0] > 1000 * reached.progress  # not from the beginning


def test_one_that_undo_stops_is_kept_and_gone_on_with(session):
    e = session.document.experiment
    session.edit(Document(replace(e, score=replace(e.score, source="exact"))))
    session.networks.train()
    trained(session)
    reached = session.networks.trainer.frame.iteration
    session.notices.clear()
    session.undo()
    assert not session.networks.trainer.running
    (offer,) = session.notices
    assert (
        "stopped at 0%: the score is no longer one that is trained here. What is done of it is kept."
        in offer.text
    )
    assert offer.action == ("Resume", "resume_stopped")
    session.networks.resume_stopped()  # at once: the training that is left may still have to be written
    assert session.document.experiment.score.source == "trained" and not session.notices
    trained(session, reached + 1)
    assert session.networks.trainer.history.array()[0, 0] > reached  # not from the beginning
    session.edit(Document(replace(e, score=replace(e.score, unet=replace(e.score.unet, width=16)))))
    assert "what it was for has changed" in session.notices[-1].text
    session.networks.resume_stopped()
    assert session.document.experiment.score.unet == e.score.unet


def kept_of(own, name):
    """A training on a folder that was left, and the folders as they are after a restart: not read."""
    session = Session(Document(of(own / name)))
    session.networks.trainer.kept = Kept(own / "home" / "training")
    session.networks.train()
    trained(session)
    assert closed(session)
    folders.forget()


def offered(window):
    window.documents.start()
    window.start()
    window._tick()
    return next(n for n in window.notices.notices() if " stopped at " in n.text)


def test_going_on_reads_the_folder_in_a_thread(qtbot, own, monkeypatch):
    kept_of(own, "cats")
    readers = []
    really = folders.Tree
    monkeypatch.setattr(
        folders, "Tree", lambda *args: readers.append(threading.current_thread()) or really(*args)
    )
    with windowed(qtbot, own, started=False) as window:
        offered(window).button.click()
        wait(qtbot, lambda: window.session.networks.trainer.frame is not None)
        assert window.session.document.experiment.data.path == str(own / "cats")
        assert readers and threading.main_thread() not in readers
        assert window.score.train.text() == "Restart"  # the cards have followed


def test_going_on_where_the_folder_has_gone_asks_for_it(qtbot, own):
    kept_of(own, "cats")
    (own / "cats").rename(own / "moved")
    with windowed(qtbot, own, started=False) as window:
        before = window.session.document
        answers = [own / "moved", own / "dogs"]
        window.documents.asking.ask_folder = lambda title, chosen: chosen(answers.pop())

        def said(words):
            return [n for n in window.notices.notices() if words in n.text]

        def choose_again():
            wait(qtbot, lambda: bool(said("cats cannot be read")))
            said("cats cannot be read")[0].button.click()

        offered(window).button.click()
        choose_again()
        wait(qtbot, lambda: bool(said("not the images")))
        assert window.session.document == before and not window.session.networks.trainer.running
        window.notices.clear()
        window._act("resume_newest")
        choose_again()
        wait(qtbot, lambda: window.session.networks.trainer.frame is not None)
        assert window.session.document.experiment.data.path == str(own / "moved")


# --- what is a device's fault ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("who", "error", "offers"),
    [
        ("trainer", DeviceError("there is no CUDA device here"), True),
        ("trainer", TrainingError("the data has 10 labels and the network 3"), False),
        ("classifier", DeviceError("the device has no memory for this network"), False),
    ],
)
def test_the_cpu_is_offered_where_it_helps(who, error, offers):
    session = Session()
    getattr(session.networks, who).error = error
    session.tick(0.0)
    (notice,) = session.notices
    assert notice.text == sentence(error) and bool(notice.action[0]) == offers
    assert closed(session)


def test_training_on_the_cpu_after_all(monkeypatch):
    import torch

    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    e = Experiment()
    training = Training(seconds=0, iterations=20, batch=16, device="cuda")
    session = Session(Document(replace(e, score=replace(e.score, source="trained", training=training))))
    session.networks.train()
    until(lambda: session.tick(0.02), lambda: bool(session.notices))
    notice = session.notices.pop()
    assert "no CUDA device" in notice.text and notice.action == ("Train on the CPU", "train_on_cpu")
    session.networks.train_on_cpu()
    until(lambda: session.tick(0.02), lambda: not session.networks.trainer.running)
    assert encode(session.document.experiment.score.training) == encode(replace(training, device="cpu"))
    frame = session.networks.trainer.frame
    assert frame.done and frame.device.startswith("CPU") and closed(session)
