"""The states of the window that tools/shots.py takes pictures of."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from shots import Photographer

State = Callable[["Photographer"], Iterator[None]]
STATES: dict[str, State] = {}


def state(function: State) -> State:
    """Register a state: it prepares, yields for the pictures, and tidies up."""
    STATES[function.__name__] = function
    return function


@state
def first_launch(p: Photographer) -> Iterator[None]:
    p.settle(0.7)
    yield


def _mode(mode: str, position: float) -> None:
    def show(p: Photographer) -> Iterator[None]:
        p.mode(mode, position)
        yield

    STATES[f"mode_{mode}"] = show


for name, at in {
    "forward": 0.3, "reverse": 1.0, "ode": 0.8, "pc": 0.9, "langevin": 1.0, "annealed": 0.8,
}.items():  # fmt: skip
    _mode(name, at)


@state
def split(p: Photographer) -> Iterator[None]:
    p.window.commands.compare()
    p.window.stages["A"].zoom(0.8)  # two stages are narrow
    p.settle(0.86)
    yield


@state
def ve_forward(p: Photographer) -> Iterator[None]:
    from explorer.diffusion.sdes import SDES

    p.edit("sde", SDES["ve"]())
    p.mode("forward", 0.6)
    yield


@state
def one_dimension(p: Photographer) -> Iterator[None]:
    from explorer.data.distributions import DISTRIBUTIONS

    p.edit("data", DISTRIBUTIONS["two_modes_1d"]())
    p.settle(1.0)
    yield


@state
def bad_settings(p: Photographer) -> Iterator[None]:
    p.edit("sampler", replace(p.experiment.sampler, mode="pc", steps=8, snr=1.0))
    p.settle(1.0)
    yield


@state
def training(p: Photographer) -> Iterator[None]:
    from explorer.data.distributions import DISTRIBUTIONS

    p.edit("data", DISTRIBUTIONS["two_moons"]())
    p.window.commands.train()
    trainer = p.window.session.networks.trainer
    p.wait(lambda: trainer.frame is not None and trainer.frame.progress > 0.35, "the training")
    p.window.commands.pause_training()
    p.settle(0.8)
    yield
    p.window.commands.reset_training()


@state
def gallery(p: Photographer) -> Iterator[None]:
    p.settle(1.0)
    p.window.data.gallery.open_all()
    yield
    p.window.data.gallery.popover.close()


@state
def drawing(p: Photographer) -> Iterator[None]:
    import numpy as np

    p.settle(1.0)
    p.window.commands.draw_data()
    turn = np.linspace(0, 2 * np.pi, 160)
    heart = np.column_stack(
        [1.6 * np.sin(turn) ** 3, 1.3 * np.cos(turn) - 0.5 * np.cos(2 * turn) - 0.2 * np.cos(3 * turn)]
    )
    board = p.window.drawing.board
    board._add(heart.astype(np.float32))
    board._add((0.45 * heart).astype(np.float32))
    yield
    p.window.drawing.cancel()


@state
def export_dialog(p: Photographer) -> Iterator[None]:
    p.settle(0.8)
    p.window.commands.export()
    panel = p.window.exporting
    p.wait(lambda: "about" in panel.facts.text() and not panel.preview.pixmap().isNull(), "the preview")
    yield
    panel.close()


@state
def error_notice(p: Photographer) -> Iterator[None]:
    p.settle(0.6)
    with tempfile.TemporaryDirectory() as folder:
        for name, text in {
            "points.csv": "x,y\n1,1\n1,1\n1,1\n",
            "my-experiment.json": '{"sampler": {"steps": -3}}',
        }.items():
            path = Path(folder) / name
            path.write_text(text)
            p.window.documents.open_path(path)
            p.wait(lambda: not p.window.documents.busy, "the file")
    yield
    p.window.notices.clear()


@state
def shortcuts(p: Photographer) -> Iterator[None]:
    p.settle(0.6)
    p.window.commands.shortcuts()
    yield
    p.window.overlay.close_sheet()


@state
def about(p: Photographer) -> Iterator[None]:
    from explorer.ui.dialogs.about import About

    p.settle(0.6)
    p.window.commands.about()
    yield
    for sheet in p.window.findChildren(About):
        sheet.close()


@state
def presentation(p: Photographer) -> Iterator[None]:
    p.window.commands.toggle_presentation()
    p.settle(0.8)
    yield
    p.window.commands.toggle_presentation()


@state
def laboratories(p: Photographer) -> Iterator[None]:
    p.settle(0.6)
    p.window.commands.laboratories()
    yield
    p.window.labs.close()


def laboratory(name: str, **fields: object) -> State:
    """The laboratory with these settings, when it is through."""

    def show(p: Photographer) -> Iterator[None]:
        from explorer.labs import LABS

        p.settle(0.6)
        p.window.labs.open(name, **fields)
        if LABS[name].heavy:
            p.window.labs.run()
        p.wait(lambda: _shown(p), f"the laboratory {name}")
        yield
        p.window.labs.close()

    return show


def _shown(p: Photographer) -> bool:
    """Whether the open laboratory has nothing more to say."""
    lab = p.window.session.lab
    through = lab.report is not None and lab.report.progress == 1 and not lab.running
    return bool(lab.refusal or lab.failure) or through


#: Every laboratory for points; those that take minutes with less than they begin with.
LABORATORIES: dict[str, dict[str, object]] = {
    "race": {"iterations": 150}, "dsm_sigma": {}, "training_microscope": {}, "error_map": {}, "fokker_planck": {},
    "annealing": {}, "mode_weights": {"evaluations": 200, "seeds": 2}, "snr": {}, "ladder": {}, "one_step": {},
    "posterior_variance": {}, "parameterisations": {}, "convergence": {"seeds": 2, "particles": 200},
    "table1": {"evaluations": 40, "seeds": 2, "particles": 500}, "likelihood": {}, "codes": {}, "interpolation": {},
    "two_networks": {"iterations": 400}, "temperature": {}, "guidance": {}, "inverse": {},
    "classifier": {"iterations": 300}, "pc_microscope": {}, "space_time": {}, "mistakes": {}, "schedules": {},
}  # fmt: skip
for lab_name, settings in LABORATORIES.items():
    STATES[f"lab_{lab_name}"] = laboratory(lab_name, **settings)
