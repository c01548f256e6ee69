"""In the window: a mistake is chosen in the Sampler card, a parameterisation in the Layers card."""

import weakref
from dataclasses import replace

import pytest
import windows

from explorer.diffusion.samplers.mistakes import MISTAKES
from explorer.session.document import Document


@pytest.fixture
def window(qapp, qtbot, tmp_path):
    with windows.windowed(qtbot, tmp_path) as made:
        e = made.session.document.experiment
        made.session.edit(Document(replace(e, sampler=replace(e.sampler, steps=60, particles=150))))
        made.refresh()
        yield weakref.proxy(made)  # pytest would keep it alive beyond the look at what is left


def settled(qtbot, window):
    """The whole run of what is set now."""
    wanted = window.session.document.experiment

    def through():
        full = window.session.tracks["A"].full
        return full is not None and full.experiment == wanted and full.recording.complete

    windows.wait(qtbot, through)
    windows.wait(qtbot, lambda: not window.session.waiting)
    return window.session.tracks["A"].full


def test_a_mistake_and_another_name_of_the_field(qtbot, window):
    """Two settings, both seen: the run is broken and marked; the arrows change and the samples do not."""
    form = window.sampler.form
    form.show_more(True)
    row = form.row("mistake")
    assert row.isVisibleTo(form)
    row.proposed.emit(MISTAKES["time_sign"]())
    assert window.session.document.experiment.sampler.mistake == MISTAKES["time_sign"]()
    run = settled(qtbot, window)
    assert abs(run.recording[-1].x).max() > 50
    assert "✗" in window.right.terms.equation.latex()
    layers = window.right.form()
    layers.row("field_kind").proposed.emit("x0")
    assert window.session.document.look.field_kind == "x0"
    assert settled(qtbot, window) is run  # no new run
