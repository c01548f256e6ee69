"""The laboratory of the session: newest only, one at a time, and quick to stop. No Qt."""

import threading
import time
from dataclasses import dataclass, replace

import pytest
from leaks import closed

from explorer.base.errors import Refused
from explorer.base.params import param
from explorer.diffusion.samplers import Sampler
from explorer.experiment.schema import Experiment, ScoreSource
from explorer.figures.figure import Table
from explorer.labs import LABS, Lab, Report
from explorer.session import Session
from explorer.session.document import Document


@dataclass(frozen=True)
class Counting(Lab):
    """Counts its reports; the numbers in it tell what it looked at."""

    name, title, section = "counting", "Counting", "see"
    amount: int = param(3, "Amount", low=1, high=1000, minimum=0)
    alive = 0
    most_alive = 0
    started = 0

    def refusal(self, experiment):
        return "Not with this seed." if experiment.seed == 13 else ""

    def reports(self, context):
        cls = type(self)
        cls.started += 1
        cls.alive += 1
        cls.most_alive = max(cls.alive, cls.most_alive)
        try:
            if self.amount == 0:
                raise Refused("There is nothing to count.")
            for i in range(self.amount):
                time.sleep(0.004)
                rows = ((i, context.experiment.seed, context.t),)
                yield Report((Table("Count", ("i", "seed", "t"), rows),), (i + 1) / self.amount)
        finally:
            cls.alive -= 1


@dataclass(frozen=True)
class Heavy(Counting):
    heavy = True


@dataclass(frozen=True)
class Following(Counting):
    follows = True


@pytest.fixture(autouse=True)
def counted():
    for cls in (Counting, Heavy, Following):
        cls.alive = cls.most_alive = cls.started = 0


@pytest.fixture
def session():
    e = Experiment(score=ScoreSource(source="exact"), sampler=Sampler(steps=12, particles=40))
    made = Session(Document(e))
    made.start()
    yield made
    assert closed(made)
    assert not [t for t in threading.enumerate() if t.name.startswith("lab")]


def run(session, until, seconds=10.0):
    end = time.monotonic() + seconds
    while not until():
        assert time.monotonic() < end
        session.tick(0.016)
        time.sleep(0.002)


def done(session):
    return session.lab.report is not None and session.lab.report.progress == 1 and not session.lab.running


def row(session):
    return session.lab.report.figures[0].rows[0]


def edit(session, **fields):
    session.edit(replace(session.document, experiment=replace(session.document.experiment, **fields)))


def test_it_starts_by_itself_and_again_with_the_experiment_and_its_own_fields(session):
    session.lab.open(Counting())
    run(session, lambda: done(session))
    assert row(session)[:2] == (2, 0) and Counting.started == 1
    for _ in range(20):
        session.tick(0.016)
    assert Counting.started == 1  # nothing has changed
    edit(session, seed=5)
    run(session, lambda: done(session) and row(session)[1] == 5)
    session.lab.open(Counting(amount=6))
    run(session, lambda: done(session) and row(session)[0] == 5)
    assert Counting.started == 3


def test_a_drag_shows_each_first_report_and_never_two_at_once(session):
    session.lab.open(Counting(amount=400))
    seen = set()
    for seed in range(1, 60):
        edit(session, seed=14 + seed)
        for _ in range(3):
            session.tick(0.016)
            time.sleep(0.003)
        if session.lab.report:
            seen.add(row(session)[1])
    assert len(seen) > 3 and Counting.most_alive == 1
    run(session, lambda: row(session)[1] == 14 + 59)
    session.lab.close()
    run(session, lambda: session.lab.threads == 0, 2.0)
    assert session.lab.report is None and Counting.alive == 0


def test_a_heavy_one_waits_for_run(session):
    session.lab.open(Heavy(amount=200))
    for _ in range(10):
        session.tick(0.016)
    assert Heavy.started == 0 and session.lab.waits_for_run
    session.lab.run()
    run(session, lambda: session.lab.report is not None)
    session.lab.stop()
    run(session, lambda: session.lab.threads == 0, 2.0)
    assert session.lab.report.progress < 1 and not session.lab.waits_for_run
    edit(session, seed=4)
    session.tick(0.016)
    assert session.lab.waits_for_run and Heavy.started == 1


def test_a_refusal_stands_in_the_place_of_the_figures(session):
    session.lab.open(Counting())
    run(session, lambda: done(session))
    edit(session, seed=13)
    session.tick(0.016)
    assert session.lab.refusal == "Not with this seed." and session.lab.report is None
    edit(session, seed=14)
    run(session, lambda: done(session))
    assert session.lab.refusal == ""


def test_an_error_is_one_notice_and_the_next_run_is_free_of_it(session):
    session.lab.open(Counting(amount=0))
    run(session, lambda: session.lab.failure != "")
    for _ in range(10):
        session.tick(0.016)
    assert [n.text for n in session.notices] == ["There is nothing to count."]
    assert Counting.started == 1
    session.lab.open(Counting())
    run(session, lambda: done(session))
    assert session.lab.failure == ""


def test_one_that_follows_runs_again_when_the_playhead_moves(session):
    session.lab.open(Following())
    run(session, lambda: session.tracks["A"].full.recording.complete and done(session))
    before = Following.started
    session.playhead.seek(1.0)
    run(session, lambda: done(session) and row(session)[2] < 0.01)
    assert Following.started > before


def test_while_time_plays_a_run_comes_to_its_end(session):
    run(session, lambda: session.tracks["A"].full.recording.complete)
    session.lab.open(Following(amount=400))  # longer than a first report is waited for
    session.playhead.seek(0.0)
    session.playhead.playing = session.playhead.loop = True
    run(session, lambda: session.lab.report is not None and session.lab.report.progress == 1)
    assert Following.started <= 2  # the next one may have begun


def test_newer_weights_start_it_again_after_a_rest(session):
    edit(session, score=ScoreSource(source="trained"))
    session.lab.open(Counting())
    run(session, lambda: done(session))
    session.lab._began = time.monotonic()
    for _ in range(5):
        session.networks._new_weights()
        session.tick(0.016)
    assert Counting.started == 1
    session.lab._began -= 2.0
    run(session, lambda: Counting.started == 2 and done(session))


def test_the_nearest_particle(session):
    run(session, lambda: session.tracks["A"].full.recording.complete)
    session.playhead.seek(1.0)
    x = session.tracks["A"].full.recording[-1].x
    assert session.showing.particle_at("A", tuple(x[17])) == 17


def test_real_ones_run_in_the_session(session):
    session.lab.open(LABS["schedules"].quick())
    run(session, lambda: done(session))
    assert session.lab.report.words
