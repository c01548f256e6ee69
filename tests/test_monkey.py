"""A monkey at the real window: 500 random actions, the same for the same seed."""

import random
import weakref
from dataclasses import replace

import numpy as np
import pytest
import windows
from PySide6.QtCore import QEvent, QPoint, QPointF, Qt
from PySide6.QtGui import QWheelEvent
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication

from explorer.base.params import params
from explorer.data.distributions import DISTRIBUTIONS
from explorer.diffusion.sdes import SDES
from explorer.labs import LABS
from explorer.session.scenes import SCENES

ACTIONS = 500
#: Largest runs that the monkey may ask for, so that the test is quick.
CAPS = {
    "steps": 60,
    "langevin_steps": 80,
    "level_steps": 8,
    "levels": 8,
    "corrector_steps": 3,
    "particles": 300,
}
LAB_CAPS = {
    "iterations": 20,
    "seeds": 2,
    "repeats": 2,
    "cells": 30,
    "most": 40,
    "moves": 60,
    "evaluations": 40,
}
LEFT, NONE = Qt.MouseButton.LeftButton, Qt.KeyboardModifier.NoModifier
#: Commands that ask for a file or end the program are not for monkeys.
NOT_FOR_MONKEYS = {"open", "save", "save_as", "import_data", "open_model", "save_model", "quit", "close"}


class Monkey:
    """Does one random thing after the other to a window, and remembers what."""

    def __init__(self, window, seed, folder):
        self.window, self.rng, self.folder = window, random.Random(seed), folder
        self.done = []
        self.acts = {
            self.command: 6, self.change_sampler: 8, self.change_sde: 4, self.choose_data: 3, self.scrub: 4,
            self.mouse: 4, self.wheel: 3, self.key: 4, self.change_look: 3, self.change_network: 1,
            self.open_file: 2, self.draw: 1, self.resize: 1, self.undo_redo: 3, self.train: 1, self.select: 1,
            self.export: 1, self.gallery: 1, self.open_lab: 3, self.change_lab: 4, self.play_scene: 1,
            self.control: 3,
        }  # fmt: skip

    def act(self):
        act = self.rng.choices(list(self.acts), weights=list(self.acts.values()))[0]
        self.done.append(act.__name__)
        act()

    def _value(self, p):
        rng = self.rng
        if p.kind == "bool":
            return rng.random() < 0.5
        if p.kind == "choice":
            return rng.choice([value for value, _ in p.choices])
        if p.kind == "one_of":
            return rng.choice(list(p.registry.values()))()
        low, high = p.low, min(p.high, CAPS.get(p.name, p.high))
        if p.name in LAB_CAPS:  # what takes long in a laboratory
            high = min(high, max(low, LAB_CAPS[p.name]))
        value = rng.choice([p.minimum, low, high, rng.uniform(low, high)])
        value = min(max(value, -1e6), CAPS.get(p.name, 1e6))
        return round(value) if p.kind == "int" else value

    def _change(self, form):
        """A random value to a random row, the way a slider or a combo box does it."""
        rows = [
            r for r in form._rows.values() if r.param.kind in ("bool", "choice", "int", "float", "one_of")
        ]
        if rows:
            row = self.rng.choice(rows)
            row.proposed.emit(self._value(row.param))
            if self.rng.random() < 0.7:
                row.finished.emit()

    def command(self):
        slots = sorted(set(self.window.actions_by_slot) - NOT_FOR_MONKEYS)
        slot = self.rng.choice(slots)
        self.done.append(slot)
        if self.window.actions_by_slot[slot].isEnabled():
            self.window.actions_by_slot[slot].trigger()

    def change_sampler(self):
        self._change(self.window.sampler.form)

    def change_sde(self):
        if self.rng.random() < 0.4:
            self.window.process.choice.changed.emit(self.rng.choice(list(SDES)))
        else:
            self._change(self.window.process.form)

    def choose_data(self):
        if self.rng.random() < 0.5:
            names = [name for name, cls in DISTRIBUTIONS.items() if cls.builtin]
            self.window.data.gallery.chosen.emit(self.rng.choice(names))
        else:
            self._change(self.window.data.form)

    def change_look(self):
        self._change(self.window.right.form())

    def change_network(self):
        self._change(self.window.score.source)

    def scrub(self):
        self.window.timeline.scrubbed.emit(self.rng.randrange(0, 80))

    def _place(self):
        surface = self.window.stages[self.rng.choice("AB")].canvas.canvas._surface
        return surface, QPoint(
            self.rng.randrange(surface.width() + 1), self.rng.randrange(surface.height() + 1)
        )

    def mouse(self):
        surface, start = self._place()
        QTest.mousePress(surface, LEFT, NONE, start)
        for _ in range(3):
            QTest.mouseMove(surface, start + QPoint(self.rng.randrange(-60, 60), self.rng.randrange(-60, 60)))
        QTest.mouseRelease(surface, LEFT, NONE, start)
        if self.rng.random() < 0.2:
            QTest.mouseDClick(surface, LEFT, NONE, start)

    def wheel(self):
        surface, at = self._place()
        turn = QPoint(0, self.rng.choice([-12000, -120, 120, 12000]))
        place, phase = QPointF(at), Qt.ScrollPhase.NoScrollPhase
        QApplication.sendEvent(
            surface, QWheelEvent(place, place, QPoint(), turn, Qt.MouseButton.NoButton, NONE, phase, False)
        )

    def key(self):
        keys = [
            Qt.Key.Key_Space,
            Qt.Key.Key_Tab,
            Qt.Key.Key_Left,
            Qt.Key.Key_Right,
            Qt.Key.Key_Escape,
            Qt.Key.Key_B,
        ]
        target = self.window.focusWidget() or self.window.centralWidget()
        QTest.keyClick(target, self.rng.choice(keys))

    def open_file(self):
        path = self.folder / f"f.{self.rng.choice(['json', 'csv', 'npy', 'png', 'safetensors'])}"
        if self.rng.random() < 0.5:
            path.write_bytes(self.rng.randbytes(200))
        elif path.suffix == ".csv":
            np.savetxt(path, np.random.default_rng(0).normal(size=(30, 2)), delimiter=",")
        self.window.documents.open_paths([path])

    def draw(self):
        tool = self.window.drawing
        tool.start()
        if self.rng.random() < 0.7 and tool.board is not None:
            tool.board._add(np.cumsum(np.random.default_rng(len(self.done)).normal(size=(40, 2)), 0) * 0.2)
        self.rng.choice([tool.cancel, tool.finish])()
        tool.cancel()

    def export(self):
        panel = self.window.exporting
        panel.open_panel()
        self._change(panel.form.form)
        panel.close()

    def gallery(self):
        self.window.data.gallery.open_all()
        self.window.data.gallery.popover.close()

    def open_lab(self):
        """One of all, with its cheapest settings; those that are heavy are run now and then."""
        name = self.rng.choice(list(LABS))
        quick = LABS[name].quick()
        self.done.append(name)
        self.window.labs.open(name, **{p.name: getattr(quick, p.name) for p in params(type(quick))})
        if self.rng.random() < 0.3:
            self.window.labs.run()

    def change_lab(self):
        if self.window.labs.lab is not None:
            self._change(self.window.labs.column.form())

    def play_scene(self):
        name = self.rng.choice(SCENES).name
        self.done.append(name)
        self.window.labs.play_scene(name)

    def control(self):
        card = self.window.control
        if self.rng.random() < 0.5:
            card.choose(self.rng.choice([value for value, _, _ in card.choice._entries]))
        else:
            self._change(card.form)

    def resize(self):
        self.window.resize(self.rng.randrange(300, 1800), self.rng.randrange(200, 1100))

    def undo_redo(self):
        for _ in range(self.rng.randrange(1, 6)):
            self.rng.choice([self.window.commands.undo, self.window.commands.redo])()

    def train(self):
        self.rng.choice(
            [
                self.window.commands.train,
                self.window.commands.pause_training,
                self.window.commands.reset_training,
            ]
        )()

    def select(self):
        self.window.select(self.rng.choice("AB"))

    def tidy(self):
        """Close what would swallow the next actions; keep the runs small whatever was opened or undone."""
        if self.window.overlay.isVisible():
            self.window.overlay.close_sheet()
        if "drawing" in self.window.__dict__:
            self.window.drawing.cancel()
        for popup in (QApplication.activePopupWidget(), QApplication.activeModalWidget()):
            if popup is not None:
                popup.close()
        document = self.window.session.document
        for stage, e in (("B", document.compare), ("A", document.experiment)):
            large = {name: cap for name, cap in CAPS.items() if e and getattr(e.sampler, name) > cap}
            if large:
                self.window.select(stage)
                self.window.edit("sampler", replace(e.sampler, **large))


@pytest.fixture
def window(qapp, qtbot, tmp_path):
    with windows.windowed(qtbot, tmp_path) as made:
        yield weakref.proxy(made)


@pytest.mark.parametrize("seed", [1])
def test_a_monkey(qtbot, qapp, window, tmp_path, seed):
    assert {p.name for p in params(type(window.session.document.experiment.sampler))} >= set(CAPS)
    monkey = Monkey(window, seed, tmp_path)
    monkey.tidy()
    with qtbot.captureExceptions() as exceptions:
        for i in range(ACTIONS):
            monkey.act()
            qapp.processEvents()
            monkey.tidy()
            for name, track in window.session.tracks.items():
                # the one that runs, and those that were told to stop and are about to
                assert track.threads <= 1, (name, monkey.done[-10:])
            assert exceptions == [], monkey.done[-10:]
            if i % 25 == 0:
                windows.keep_going(qtbot, 0.05)
        window.commands.train()
        window.session.networks.trainer.cancel()
        windows.wait(qtbot, lambda: all(t.threads <= 1 for t in window.session.tracks.values()), 20)
    assert exceptions == []
    assert window.isVisible()
    QApplication.sendPostedEvents(None, QEvent.Type.DeferredDelete)
    odd = [n.text for n in window.notices.notices() if "went wrong inside" in n.text]
    assert odd == [], monkey.done[-30:]
