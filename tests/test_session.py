"""The session without a window: what each edit starts, what is shown meanwhile, and that nothing is left over."""

import gc
import threading
import time
import weakref
from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from leaks import closed

from explorer.base import paths
from explorer.base.errors import ended, sentence
from explorer.base.params import params
from explorer.diffusion.frames import Frame, Recording
from explorer.diffusion.samplers import Sampler
from explorer.diffusion.samplers.base import PREDICTORS, SOLVERS
from explorer.diffusion.samplers.modes import MODES
from explorer.diffusion.scores import ExactScore
from explorer.diffusion.sdes import SDES
from explorer.diffusion.simulate import Simulation, simulate, step_terms
from explorer.experiment.codec import edited, encode
from explorer.experiment.resolution import Resolved, resolve, untrained
from explorer.experiment.schema import Experiment
from explorer.experiment.view_settings import Look
from explorer.figures.marks import Arrows, Points
from explorer.figures.views import Scene
from explorer.networks.spec import NetworkSpec, Training
from explorer.session import Plan, Session, networks, plan, showing
from explorer.session.document import Document
from explorer.session.history import DEPTH, MERGE_SECONDS, History
from explorer.session.snapshot import TERMS_OF, make_picture
from explorer.session.track import COARSE_PARTICLES, Run, Track, coarse
from explorer.session.trainer import HISTORY, LossHistory
from explorer.training.objectives import OBJECTIVES

PATIENCE = 20.0
PLAIN = Look(field="none", density=False)


def document(look=PLAIN, compare=None, **sets):
    """A document that runs in no time; plain names are the sampler's, __ stands for a dot."""
    e = edited(Experiment(), "score.source", "exact")
    quick = dict(steps=8, particles=40, langevin_steps=8, levels=2, level_steps=4)
    e = replace(e, sampler=replace(e.sampler, **quick))
    for name, value in sets.items():
        path = name.replace("__", ".")
        e = edited(
            e, path if path.split(".")[0] in ("data", "sde", "score", "seed") else f"sampler.{path}", value
        )
    beside = None if compare is None else replace(e, **compare)
    return Document(e, beside, look).linked()


@pytest.fixture
def sessions():
    made = []

    def make(doc=None, start=True):
        made.append(Session(doc or document()))
        if start:
            made[-1].start()
        return made[-1]

    yield make
    assert all([closed(s) for s in made])
    assert not any(t.threads for s in made for t in s.tracks.values())


def until(session, condition, seconds=0.0):
    end = time.monotonic() + PATIENCE
    while not condition():
        assert time.monotonic() < end, f"waited in vain; {list(session.notices)}"
        session.tick(seconds)
        time.sleep(0.001)


def complete(session, name="A"):
    """Wait for the run of the experiment as it is now."""

    def done():
        full = session.tracks[name].full
        return full is not None and full.experiment == session.experiment(name) and full.recording.complete

    until(session, done)
    return session.tracks[name].full


def change(session, path, value, control=""):
    doc = session.document
    return session.edit(replace(doc, experiment=edited(doc.experiment, path, value)), control)


def errors(session):
    return [n.text for n in session.notices if n.level == "error"]


class Gate:
    """A score that waits at a gate for more than `most` particles, and notes who asks."""

    def __init__(self, exact, most=0):
        self.exact, self.most, self.open, self.askers = exact, most, threading.Event(), set()

    def __call__(self, x, t):
        self.askers.add(threading.get_ident())
        if len(x) > self.most:
            assert self.open.wait(PATIENCE)
        return self.exact(x, t)


@pytest.fixture
def gate(monkeypatch):
    """Scores that wait; their gates open at the end, so that threads can."""
    gates = []

    def put(most=0):
        def resolved(e, trained=None):
            gates.append(Gate(ExactScore(e.data.mixture, e.sde), most))
            return Resolved(gates[-1], True, "gated", e.data.dim)

        monkeypatch.setattr(networks, "resolve", resolved)
        return gates

    yield put
    for g in gates:
        g.open.set()


# --- plan -----------------------------------------------------------------------------------------------------

BOTH, ONE, NONE = ("A", "B"), ("A",), ()
TRAINED = dict(score__source="trained")
NATIVE = TRAINED | dict(score__network__output="noise")
PLANS = [
    ({}, "seed", 5, BOTH, False),
    ({}, "data", "spiral", BOTH, False),
    ({}, "sde", "ve", ONE, False),
    ({}, "sde.beta_max", 10, ONE, False),
    ({}, "sampler.steps", 9, ONE, False),
    ({}, "sampler.particles", 41, BOTH, False),
    ({}, "score.source", "pretrained", BOTH, False),
    ({}, "score.source", "trained", BOTH, True),
    ({}, "score.network.width", 32, NONE, False),
    ({}, "score.objective", "dsm_sigma2", NONE, False),
    ({}, "score.training.seconds", 3, NONE, False),
    (TRAINED, "sde", "ve", ONE, False),
    (TRAINED, "sde.beta_max", 10, ONE, False),
    (TRAINED, "seed", 5, BOTH, False),
    (TRAINED, "data", "spiral", BOTH, True),
    (TRAINED, "score.network.width", 32, BOTH, True),
    (TRAINED, "score.objective", "dsm_sigma2", NONE, True),
    (TRAINED, "score.training.seconds", 3, NONE, False),
    (NATIVE, "sde", "ve", ONE, True),
    (NATIVE, "sde.beta_max", 10, ONE, True),
    (NATIVE, "sampler.steps", 9, ONE, False),
]  # fmt: skip


@pytest.mark.parametrize(("sets", "path", "value", "stages", "retrain"), PLANS)
@pytest.mark.parametrize("split", [True, False])
def test_each_change_starts_what_depends_on_it(sets, path, value, stages, retrain, split):
    old = document(compare={} if split else None, **sets)
    new = replace(old, experiment=edited(old.experiment, path, value)).linked()
    assert plan(old, new) == Plan(True, stages if split else stages[:1], retrain)
    assert plan(new, new) == Plan()


@pytest.mark.parametrize("p", params(Look), ids=lambda p: p.name)
def test_the_look_starts_nothing(p):
    old = document(Look())
    choice = p.choices[-1][0] if p.choices else None
    real = p.high if p.default != p.high else p.low
    other = {"bool": not p.default, "choice": choice, "int": 20, "float": real}[p.kind]
    assert plan(old, replace(old, look=replace(old.look, **{p.name: other}))) == Plan(redraw=True)


@pytest.mark.parametrize("p", params(Sampler), ids=lambda p: p.name)
def test_every_field_of_the_sampler_starts_the_run_again(p):
    old = document()
    current = getattr(old.experiment.sampler, p.name)
    kinds = {"bool": lambda: not p.default, "int": lambda: current + 1, "float": lambda: current * 0.9,
             "choice": lambda: next(c for c, _ in p.choices if c != p.default),
             "one_of": lambda: next(n for n in p.registry if n != p.default.name)}  # fmt: skip
    new = replace(old, experiment=edited(old.experiment, f"sampler.{p.name}", kinds[p.kind]()))
    assert plan(old, new).simulate == ("A",)


def test_opening_and_closing_the_second_stage():
    one, two = document(), document(compare={"sde": SDES["ve"]()})
    assert plan(one, two) == Plan(True, ("B",)) and plan(two, one) == Plan(True)
    other = document(compare={"sde": SDES["subvp"]()})
    assert plan(two, other) == Plan(True, ("B",))


# --- history -----------------------------------------------------------------------------------------------------


class Clock:
    now = 0.0

    def __call__(self):
        return self.now


def seeds(*values):
    return [Document(edited(Experiment(), "seed", v)) for v in values]


def test_undo_and_redo_visit_every_document():
    docs = seeds(0, 1, 2, 3)
    h = History(docs[0])
    assert not h.undo() and not h.redo() and not h.can_undo and not h.can_redo
    for d in docs[1:]:
        h.push(d)
    for d in docs[-2::-1]:
        assert h.undo() and h.now == d
    assert not h.can_undo
    for d in docs[1:]:
        assert h.redo() and h.now == d
    h.undo()
    h.push(docs[0])
    assert not h.can_redo and h.undo() and h.now == docs[2]


def test_a_drag_is_one_step():
    clock, docs = Clock(), seeds(*range(8))
    h = History(docs[0], clock)
    for d in docs[1:4]:
        h.push(d, "seed")
        clock.now += 0.9 * MERGE_SECONDS
    clock.now += MERGE_SECONDS
    h.push(docs[4], "seed")  # another drag
    h.push(docs[5], "other")  # another control
    h.push(docs[6])  # no control: always a step
    h.push(docs[7])
    found = [h.now]
    while h.undo():
        found.append(h.now)
    assert found == [docs[i] for i in (7, 6, 5, 4, 3, 0)]


def test_a_drag_after_undo_is_a_step_of_its_own():
    docs = seeds(0, 1, 2)
    h = History(docs[0], Clock())
    h.push(docs[1], "seed")
    h.undo()
    h.push(docs[2], "seed")
    assert h.undo() and h.now == docs[0] and not h.can_undo


def test_a_drag_back_to_where_it_was_is_no_step():
    docs = seeds(0, 1, 2, 3)
    h = History(docs[0], Clock())
    h.push(docs[1])
    h.push(docs[2], "seed")
    h.push(docs[1], "seed")
    h.push(docs[1], "seed")  # nothing new
    assert h.undo() and h.now == docs[0] and not h.can_undo
    h.redo()
    h.push(docs[2], "seed")
    h.push(docs[1], "seed")
    h.push(docs[3], "seed")  # and on again: a step from there
    assert h.undo() and h.now == docs[1] and h.undo() and h.now == docs[0] and not h.can_undo


def test_the_history_is_bounded():
    h = History(Document())
    for d in seeds(*range(1, DEPTH + 50)):
        h.push(d)
    count = 0
    while h.undo():
        count += 1
    assert count == DEPTH


def test_undo_runs_what_was(sessions):
    s = sessions()
    first = complete(s)
    change(s, "seed", 4)
    complete(s)
    assert s.undo() and s.document.experiment.seed == 0
    again = complete(s)
    assert again is not first
    np.testing.assert_array_equal(again.recording[-1].x, first.recording[-1].x)
    assert s.redo() and complete(s).experiment.seed == 4 and not s.redo()


# --- runs --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("data", ["eight_gaussians", "three_modes_1d"])
@pytest.mark.parametrize("mode", MODES)
def test_every_mode_gives_a_whole_run_and_pictures(sessions, mode, data):
    s = sessions(document(Look(contours=True, data=True), mode=mode, data=data))
    run = complete(s)
    e = s.document.experiment
    assert len(run.recording) == e.sampler.expected_frames and run.reach == 1.0
    wanted = list(simulate(e.sde, e.sampler, run.resolved.score, e.data.mixture, e.seed))
    np.testing.assert_array_equal(run.recording[-1].x, wanted[-1].x)
    s.playhead.seek(1.0)
    until(s, lambda: "A" in s.showing.pictures and s.showing.pictures["A"].frame is run.recording[-1])
    picture = s.showing.pictures["A"]
    assert picture.index == picture.count - 1 and picture.experiment == e and errors(s) == []


def test_nothing_runs_before_start(sessions):
    s = sessions(start=False)
    change(s, "seed", 3)
    assert s.tick(0.1) == set() and s.tracks["A"].threads == 0 and s.networks.word() == ""
    s.start()
    assert complete(s).experiment.seed == 3 and s.networks.word() and s.device


def test_a_device_that_is_not_here_does_not_stop_the_start(sessions):
    if torch.cuda.is_available():
        pytest.skip("there is a CUDA device")
    s = sessions(document(score__training__device="cuda"))
    assert s.device and complete(s)


def test_the_preview_shows_a_recording_without_any_score(sessions, monkeypatch):
    """Before torch has loaded: particles move, the field is left out, and start takes over."""
    s = sessions(Document(), start=False)
    recording = Recording(complete=True)
    for i in range(5):
        recording.append(Frame(np.full((7, 2), i, np.float32), 1 - i / 5, 0.5, 0.5, i, 5, i))
    s.preview(recording)
    s.playhead.seek(1.0)
    until(s, lambda: "A" in s.showing.pictures)
    picture = s.showing.pictures["A"]
    assert picture.frame is recording[-1] and picture.terms is None
    assert not any(isinstance(m, Arrows) for m in picture.marks)
    s.edit(document())
    s.start()
    until(s, lambda: s.showing.pictures["A"].frame.x.shape == (40, 2))


def test_tick_waits_for_nothing_and_never_asks_a_score(sessions, gate):
    """Every score blocks: the clock goes on, and the thread of the window is not among those that asked."""
    gates = gate()
    s = sessions(document(Look(), compare={}))
    for i in range(50):
        s.tick(0.02)
        s.showing.probe("A", (0.1, 0.2))
        change(s, "seed", i)
        s.step(1)
    until(s, lambda: s.tracks["A"].threads and any(g.askers for g in gates))
    assert threading.get_ident() not in set().union(*(g.askers for g in gates))


def test_the_first_picture_after_an_edit_is_coarse_and_in_place(sessions, gate):
    gates = gate(most=COARSE_PARTICLES)
    s = sessions()
    complete(s)
    s.playhead.seek(0.5)
    until(s, lambda: "A" in s.showing.pictures)
    s.edit(replace(s.document, experiment=document(particles=2000, steps=100, seed=9).experiment))
    until(s, lambda: s.showing.pictures["A"].experiment.seed == 9)
    picture = s.showing.pictures["A"]
    assert picture.frame.x.shape == (COARSE_PARTICLES, 2) and s.playhead.position == 0.5
    assert picture.index == picture.experiment.sampler.steps // 2
    for g in gates:
        g.open.set()
    until(s, lambda: s.showing.pictures["A"].frame.x.shape == (2000, 2))
    assert s.playhead.position == 0.5 and s.showing.pictures["A"].frame.t == pytest.approx(
        picture.frame.t, abs=0.05
    )


@pytest.mark.parametrize("mode", MODES)
def test_a_coarse_run_is_cheap(mode):
    big = replace(Sampler(), mode=mode, steps=2000, particles=100_000, corrector_steps=30)
    small = coarse(big)
    assert small.particles <= COARSE_PARTICLES and small.steps * (1 + small.corrections) <= 60
    assert coarse(small) == small


def test_what_is_shown_stays_until_the_new_run_has_caught_up(sessions, gate):
    s = sessions()
    old = complete(s)
    s.playhead.seek(1.0)
    gate()
    change(s, "seed", 3)
    for _ in range(20):
        s.tick(0.0)
        assert s.showing.place("A")[0] is old


def test_the_run_before_is_given_back(sessions):
    """A recording may be a hundred megabytes."""
    s = sessions()
    old = weakref.ref(complete(s))
    change(s, "seed", 3)
    complete(s)
    until(s, lambda: s.showing.pictures["A"].experiment.seed == 3)
    gc.collect()
    assert old() is None


def test_a_thousand_edits_leave_one_run(sessions):
    s = sessions(document(compare={"sde": SDES["ve"]()}, steps=50))
    for i in range(1000):
        change(s, "sampler.snr", 0.1 + i * 1e-4, "snr") if i % 2 else change(s, "seed", i, "seed")
        if i % 50 == 0:
            s.tick(0.02)
    until(s, lambda: all(s.tracks[n].threads <= 1 for n in "AB"))
    for name in "AB":
        assert complete(s, name).experiment == s.experiment(name)
    until(s, lambda: not any(s.tracks[n].threads for n in "AB"))
    assert errors(s) == []


def test_an_error_in_a_run_is_one_notice_and_what_was_there_stays(sessions, monkeypatch):
    s = sessions()
    old = complete(s)

    def broken(x, t):
        raise RuntimeError("the score fell over")

    monkeypatch.setattr(networks, "resolve", lambda e, trained=None: Resolved(broken, False, "", 2))
    change(s, "seed", 1)
    until(s, lambda: bool(s.notices))
    for _ in range(50):
        s.tick(0.02)
    assert (
        len(s.notices) == 1 and "the score fell over" in s.notices[0].text and s.notices[0].level == "error"
    )
    assert s.showing.place("A")[0] in (old, s.tracks["A"].full) and not s.tracks["A"].busy
    monkeypatch.undo()
    change(s, "seed", 2)
    complete(s)


def test_an_error_in_every_picture_is_one_notice(sessions, monkeypatch):
    s = sessions()
    complete(s)

    def broken(*_, **__):
        raise RuntimeError("no picture")

    monkeypatch.setattr(showing, "make_picture", broken)
    for i in range(30):
        s.playhead.seek(i / 29)
        s.tick(0.0)
        time.sleep(0.005)
    until(s, lambda: bool(s.notices))
    assert len(s.notices) == 1 and "no picture" in s.notices[0].text


def test_a_damaged_pretrained_file_is_said_once_and_the_exact_score_used(sessions, monkeypatch, tmp_path):
    (tmp_path / "eight_gaussians.safetensors").write_bytes(b"damaged")
    monkeypatch.setattr(paths, "pretrained", lambda: tmp_path)
    s = sessions(document(score__source="pretrained"))
    for i in range(20):
        change(s, "seed", i, "seed")
    assert complete(s).resolved.exact
    assert len(s.notices) == 1 and s.notices[0].level == "error"
    assert "eight_gaussians.safetensors" in s.notices[0].text and "exact score" in s.notices[0].text


def test_stepping_goes_frame_by_frame_also_while_a_run_is_under_way():
    e = document(steps=99).experiment
    for seen in (1, 2, 30, 100):
        run = Run(e, None)
        for i in range(seen):
            run.recording.append(Frame(np.zeros((1, 2), np.float32), 1 - i / 99, 1, 1, i, 99, i))
        run.recording.complete = seen == 100
        for index in range(seen):
            assert run.index(run.position(index)) == index
        assert run.index(run.position(10**6)) == seen - 1 and run.position(-5) == 0.0


def test_steps_visit_every_frame_and_pause(sessions):
    s = sessions(document(mode="pc", corrector_steps=2))
    run = complete(s)
    s.playhead.playing = True
    seen = []
    for _ in range(len(run.recording) + 2):
        seen.append(s.showing.place("A")[1])
        s.step(1)
    last = len(run.recording) - 1
    assert seen == [*range(last + 1), last, last] and not s.playhead.playing
    s.step(-3)
    assert s.showing.place("A")[1] == last - 3


def test_play_follows_the_run(sessions):
    s = sessions()
    run = complete(s)
    s.playhead.playing = True
    shown = set()
    for _ in range(400):
        s.tick(0.05)
        shown.add(s.showing.place("A")[1])
    assert shown == set(range(len(run.recording)))


# --- two stages ------------------------------------------------------------------------------------------------------


def test_split_on_and_off(sessions):
    s = sessions()
    complete(s)
    assert s.shown == ("A",) and s.showing.place("B") is None
    s.edit(replace(s.document, compare=replace(s.document.experiment, sde=SDES["ve"]())))
    complete(s, "B")
    until(s, lambda: "B" in s.showing.pictures)
    assert s.shown == ("A", "B")
    s.edit(replace(s.document, compare=None))
    assert s.shown == ("A",) and "B" not in s.showing.pictures and s.showing.place("B") is None
    for _ in range(10):
        assert "B" not in s.tick(0.01)
    s.undo()
    assert complete(s, "B").experiment.sde == SDES["ve"]()


def test_both_start_from_the_same_noise(sessions):
    for sde in SDES:
        s = sessions(document(compare={"sde": SDES[sde]()}))
        a, b = complete(s, "A"), complete(s, "B")
        std = b.experiment.sde.prior_std
        np.testing.assert_allclose(b.recording[0].x / std, a.recording[0].x, rtol=1e-6)
        if std == 1:
            np.testing.assert_array_equal(a.recording[0].x, b.recording[0].x)


def noises(run):
    """The normalised Brownian increments that a run was driven by, found from its frames."""
    e = run.experiment
    for before, after in zip(run.recording.frames[:-2], run.recording.frames[1:-1], strict=True):
        sim = Simulation(e.sde, e.sampler, run.resolved.score, e.data.mixture, e.seed)
        _, _, c = e.sampler.predictor.coefficients(sim.process, before.t, after.t)
        yield step_terms(sim, before, after).noise.numpy() / c


def test_both_follow_the_same_brownian_path(sessions):
    """Under another SDE and another method."""
    method = PREDICTORS["euler_maruyama"]()
    beside = {"sde": SDES["subvp"](), "sampler": replace(Sampler(), steps=20, predictor=method)}
    s = sessions(document(steps=20, compare=beside))
    a, b = complete(s, "A"), complete(s, "B")
    assert a.experiment.sampler.predictor != method
    pairs = list(zip(noises(a), noises(b), strict=True))
    assert len(pairs) == 19
    for z, other in pairs:
        assert z.std() == pytest.approx(1, abs=0.3)
        np.testing.assert_allclose(z, other, atol=0.02)


def test_the_second_stage_is_linked_by_time(sessions):
    s = sessions(document(steps=40, compare={"sampler": replace(Sampler(), steps=10, grid="quadratic")}))
    a, b = complete(s, "A"), complete(s, "B")
    times = np.array([f.t for f in b.recording.frames])
    for position in np.linspace(0, 1, 21):
        s.playhead.seek(position)
        here, there = s.showing.place("A"), s.showing.place("B")
        assert here[0] is a and there[0] is b
        t = a.recording[here[1]].t
        assert abs(times[there[1]] - t) == np.abs(times - t).min()


def test_at_the_end_both_stages_show_their_last_frame_and_its_distance(sessions):
    b = replace(document().experiment.sampler, mode="pc", corrector_steps=2)
    s = sessions(document(mode="ode", compare={"sampler": b}))
    complete(s, "A")
    run = complete(s, "B")
    until(s, lambda: len(s.showing.distance_curve("B")) == min(40, len(run.recording)))
    s.playhead.seek(1.0)
    last = s.showing.distance_curve("B")[-1, 2]
    assert s.showing.place("B")[1] == len(run.recording) - 1 and s.showing.distance_at("B", 1.0) == last


def test_the_distance_of_the_second_stage_is_that_of_the_frame_it_shows(sessions):
    s = sessions(document(steps=30, compare={"sampler": replace(Sampler(), steps=30, grid="quadratic")}))
    complete(s, "A")
    run = complete(s, "B")
    until(s, lambda: len(s.showing.distance_curve("B")) == len(run.recording) == 31)
    s.playhead.seek(0.5)
    index = s.showing.place("B")[1]
    assert index != 15 and s.showing.distance_at("B", 0.5) == s.showing.distance_curve("B")[index, 2]


@pytest.mark.parametrize("mode", ["forward", "langevin"])
def test_where_clocks_differ_the_share_of_the_run_counts(sessions, mode):
    s = sessions(document(compare={"sampler": replace(document().experiment.sampler, mode=mode)}))
    complete(s, "A")
    b = complete(s, "B")
    for position in (0.0, 0.5, 1.0):
        s.playhead.seek(position)
        assert s.showing.place("B")[1] == round(position * (len(b.recording) - 1))


# --- training ------------------------------------------------------------------------------------------------

TINY = NetworkSpec(width=16, depth=1, waves=4)


def training(look=PLAIN, budget=None, **sets):
    doc = document(look, **sets)
    e = doc.experiment
    budget = budget or Training(seconds=60, iterations=100_000, batch=64, device="cpu")
    return replace(doc, experiment=replace(e, score=replace(e.score, network=TINY, training=budget)))


def trained(session, iterations=1):
    t = session.networks.trainer
    until(
        session, lambda: t.model is not None and t.frame is not None and t.frame.iteration >= iterations, 0.02
    )
    return t


def arrows(picture):
    return next(m.uv for m in picture.marks if isinstance(m, Arrows))


def test_training_changes_the_field_and_the_runs(sessions):
    s = sessions(training(Look(field="learned"), mode="ode"))
    s.playhead.seek(0.8)
    s.networks.train()
    assert s.document.experiment.score.source == "trained" and s.history.can_undo
    run = complete(s)
    until(s, lambda: "A" in s.showing.pictures)
    before = arrows(s.showing.pictures["A"])
    trained(s, 30)
    until(s, lambda: not np.array_equal(arrows(s.showing.pictures["A"]), before), 0.02)
    until(s, lambda: s.tracks["A"].full is not run, 0.05)
    assert "Trained" in s.networks.word() or "One network" in s.networks.word()
    s.networks.trainer.cancel()
    until(s, lambda: s.networks.trainer.threads == 0)
    final = s.networks.trainer.model
    until(s, lambda: s.tracks["A"].full.recording.complete and not s.networks._stale_runs, 0.1)
    wanted = resolve(s.document.experiment, final).score
    e = s.document.experiment
    *_, last = simulate(e.sde, e.sampler, wanted, e.data.mixture, e.seed)
    np.testing.assert_array_equal(s.tracks["A"].full.recording[-1].x, last.x)
    assert errors(s) == []


def test_a_training_that_is_through_keeps_its_last_weights(sessions):
    s = sessions(training(budget=Training(seconds=0, iterations=40, batch=64, device="cpu")))
    s.networks.train()
    until(s, lambda: not s.networks.trainer.running, 0.02)
    assert s.networks.trainer.frame.iteration == 40 and s.networks.trainer.frame.done
    assert s.networks.trainer.model.facts["iterations"] == 40 and s.networks.trainer.model.data == encode(
        s.document.experiment.data
    )
    rows = s.networks.trainer.history.array()
    assert rows.ndim == 2 and rows.shape[1] == 5 and (np.diff(rows[:, 0]) >= 0).all()
    assert np.isfinite(rows[:, :4]).all() and np.isnan(rows[:, 4]).all()  # nothing is held out of this data


def test_pause_resume_reset(sessions):
    s = sessions(training())
    s.networks.train()
    trained(s)
    s.networks.trainer.pause()
    assert s.networks.trainer.paused and s.networks.trainer.running
    time.sleep(0.1)
    s.tick(0.02)
    time.sleep(0.05)
    s.tick(0.02)
    held = s.networks.trainer.frame.iteration
    time.sleep(0.1)
    s.tick(0.02)
    assert s.networks.trainer.frame.iteration == held
    s.networks.trainer.resume()
    until(s, lambda: s.networks.trainer.frame.iteration > held, 0.02)
    s.networks.reset_training()
    assert (
        s.networks.trainer.model is None
        and s.networks.trainer.frame is None
        and not s.networks.trainer.running
    )
    assert len(s.networks.trainer.history.array()) == 0
    until(s, lambda: "Not trained yet" in s.networks.word(), 0.1)


def test_loss_history_is_thinned_not_cut():
    h = LossHistory()
    for i in range(5000):
        h.add(
            SimpleNamespace(
                iteration=i, seconds=float(i), smoothed=1.0, floor=0.5, excess=0.5, held=1.0, validated=True
            )
        )
    rows = h.array()
    assert len(rows) <= HISTORY and rows[0, 0] == 0 and rows[-1, 0] > 4900


def test_another_sde_does_not_stop_a_training_unless_it_is_native(sessions):
    s = sessions(training())
    s.networks.train()
    for sde in SDES:
        change(s, "sde", sde)
        assert s.networks.trainer.running
    trained(s)
    assert s.networks.trainer.model.sde is None and not s.notices
    change(s, "score.network.output", "noise")
    assert not s.networks.trainer.running and s.notices.pop().level == "info"
    s.networks.train()
    assert s.networks.trainer.running
    change(s, "sde", "vp")
    assert not s.networks.trainer.running and "Training stopped" in s.notices.pop().text


def test_a_training_that_cannot_begin_is_one_notice(sessions):
    if torch.cuda.is_available():
        pytest.skip("there is a CUDA device")
    s = sessions(training(budget=Training(device="cuda")))
    s.networks.train()
    until(s, lambda: bool(s.notices), 0.02)
    for _ in range(20):
        s.tick(0.02)
    assert len(errors(s)) == 1 and "CUDA" in errors(s)[0] and not s.networks.trainer.running


def test_from_two_dimensions_to_one_and_back_while_all_runs(sessions):
    s = sessions(training(Look(contours=True, data=True, field="difference")))
    s.networks.train()
    s.playhead.playing = True
    for data in ("two_modes_1d", "spiral", "three_modes_1d", "eight_gaussians") * 3:
        change(s, "data", data)
        s.networks.train()
        s.showing.probe("A", (0.5, 0.5))
        for _ in range(8):
            s.tick(0.05)
            time.sleep(0.004)
    trained(s)
    complete(s)
    assert errors(s) == [] and s.networks.trainer.model.dim == 2


def test_a_network_from_a_file_is_used(sessions):
    s = sessions()
    e = edited(document().experiment, "score.source", "trained")
    model = untrained(replace(e, seed=7, score=replace(e.score, network=TINY)))
    s.networks.use_model(model)
    assert s.document.experiment.score.network == TINY and s.document.experiment.score.source == "trained"
    run = complete(s)
    assert s.networks.trainer.model is model and not run.resolved.exact
    assert s.undo() and complete(s).resolved.exact


def test_newer_weights_are_not_drawn_over_a_run_of_another_sde(sessions):
    """While the first run under a new SDE is computed, the old one is shown with its own score."""
    e = document().experiment
    track = Track("T")
    old = Run(e, resolve(e))
    old.recording.append(Frame(np.zeros((1, 2), np.float32), 1.0, 1, 1, 0, 1, 0))
    under = edited(e, "sde", "ve")
    track.show(old)
    track.full = Run(under, resolve(under))
    track.full.recording.append(old.recording[0])
    newer = resolve(under)
    track.use_score(newer)
    assert track.full.resolved is newer and old.resolved.score.sde == e.sde
    assert track.close()


# --- what stands beside the picture ---------------------------------------------------------------------------


@pytest.mark.parametrize("method", [*PREDICTORS, *SOLVERS])
def test_a_step_is_taken_apart_by_every_method(method):
    """From some of the particles as from all."""
    mode = dict(mode="ode", solver=method) if method in SOLVERS else dict(predictor=method)
    e = document(particles=TERMS_OF + 77, **mode).experiment
    sim = Simulation(e.sde, e.sampler, resolve(e).score, e.data.mixture, e.seed)
    frames = list(sim.frames())[:5]
    scene = Scene(e, PLAIN, frames, sim.score, (-3, 3, -3, 3))
    terms = make_picture(scene, 4, 9).terms
    expected = [float(t[:TERMS_OF].square().mean().sqrt()) for t in step_terms(sim, frames[-2], frames[-1])]
    assert terms == pytest.approx(expected, rel=1e-3, abs=1e-6)


def test_distances_fall_towards_the_data(sessions):
    s = sessions(document(steps=30, particles=300))
    assert s.showing.distance_at("A", 0.5) is None
    complete(s)
    until(s, lambda: len(s.showing.distance_curve("A")) == 31)
    curve = s.showing.distance_curve("A")
    assert (np.diff(curve[:, 0]) > 0).all() and curve[0, 1] == 1.0 and curve[-1, 2] < 0.3 * curve[0, 2]
    assert s.showing.distance_at("A", 1.0) == curve[-1, 2]
    change(s, "data", "two_modes_1d")
    complete(s)
    until(s, lambda: len(s.showing.distance_curve("A")) == 31)


@pytest.mark.parametrize("data", ["eight_gaussians", "two_modes_1d"])
def test_the_probe_says_what_is_there(sessions, data):
    s = sessions(document(Look(follow=False), data=data))
    complete(s)
    s.playhead.seek(0.5)
    s.showing.probe("A", (0.4, -0.3))
    until(s, lambda: "A" in s.showing.probes)
    run, index = s.showing.place("A")
    flat = data == "two_modes_1d"
    t, x = (0.4, [-0.3]) if flat else (run.recording[index].t, [0.4, -0.3])
    alpha, sigma = run.experiment.sde.marginal(t)
    log_p = float(run.experiment.data.mixture.log_density(torch.tensor([x]), alpha, sigma))
    assert f"log p = {log_p:.2f}" in s.showing.probes["A"]


def test_bounds_ask_for_a_new_picture(sessions):
    s = sessions(document(Look()))
    complete(s)
    until(s, lambda: s.showing.idle and "A" in s.showing.pictures)
    picture = s.showing.pictures["A"]
    s.tick(0.0)
    assert s.showing.pictures["A"] is picture
    s.showing.set_bounds("A", (-1.0, 1.0, -1.0, 1.0))
    until(s, lambda: s.showing.pictures["A"] is not picture)
    assert (
        max(
            abs(arrow)
            for arrow in next(m.xy for m in s.showing.pictures["A"].marks if isinstance(m, Arrows)).ravel()
        )
        < 1
    )
    assert any(isinstance(m, Points) for m in s.showing.pictures["A"].marks)


def test_close_ends_everything_in_the_middle_of_it(sessions):
    before = set(threading.enumerate())
    s = sessions(training(Look(), compare={}, steps=2000, particles=5000))
    s.networks.train()
    for _ in range(5):
        s.tick(0.02)
        time.sleep(0.01)
    assert s.close()
    assert set(threading.enumerate()) <= before
    assert s.close()


def test_objectives_train_under_the_session(sessions):
    for name in OBJECTIVES:
        budget = Training(seconds=0, iterations=5, batch=64, device="cpu")
        s = sessions(training(budget=budget, score__objective=name))
        s.networks.train()
        until(s, lambda s=s: not s.networks.trainer.running, 0.02)
        assert s.networks.trainer.model.facts["objective"]["type"] == name and errors(s) == []


@pytest.mark.parametrize(("work", "ours"), [
    (lambda: edited(Experiment(), "sampler.steps", "many"), True),
    (lambda: SDES["nothing"], True),
    (lambda: ExactScore(Experiment().data.mixture.where(99), SDES["vp"]()), True),
    (lambda: np.zeros(3).reshape(2), False),
    (lambda: np.linalg.inv(np.zeros((2, 2))), False),
    (lambda: torch.zeros(3).view(2), False),
    (lambda: torch.distributions.Normal(0.0, -1.0), False),
    (lambda: Experiment().data.mixture.score(torch.zeros(3, 5), 1.0, torch.zeros(7)), False),
    (lambda: int("many"), False),
])  # fmt: skip
def test_only_the_programs_own_sentences_are_shown_as_such(work, ours):
    """What numpy and torch say, from C or from Python, carries its name."""
    with pytest.raises(Exception) as caught:
        work()
    said = sentence(caught.value)
    assert (said == ended(str(caught.value))) == ours
    assert ours or (type(caught.value).__name__ in said and "Something went wrong inside" in said)
