"""Laboratories in the window: opening them, what they show, dragging in them, copying and saving."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import cached_property, partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from PySide6.QtWidgets import QApplication

from explorer.base.params import Param, ParamError, params
from explorer.figures import files
from explorer.figures.figure import Canvas, Equation, Figure, Handle, Table
from explorer.figures.papers import PAPER, Choice, Paper
from explorer.figures.theme import theme as theme_named
from explorer.guidance.own_image import own_levels
from explorer.labs import LABS, SECTIONS, Lab
from explorer.labs.toolkit.pace import duration
from explorer.labs.toolkit.sources import source_of
from explorer.session.document import Document
from explorer.ui.files.file_kinds import PICTURE_FILTERS
from explorer.ui.files.file_names import with_ending

if TYPE_CHECKING:
    from explorer.session.scenes import Scene
    from explorer.ui.dialogs.figure_dialog import FigureDialog, Wanted
    from explorer.ui.labs.column import LabColumn
    from explorer.ui.labs.gallery import Entry, LabGallery
    from explorer.ui.labs.page import LabPage
    from explorer.ui.window.base import Window

#: The laboratory that takes one particle's step apart, by the name of its file.
MICROSCOPE = "pc_microscope"


class Laboratories:
    """What the window does about laboratories. The session runs them; this shows them."""

    def __init__(self, window: Window) -> None:
        self._window = window
        self._kept: dict[str, Lab] = {}  # as they were set when they were closed
        self._shown: Lab | None = None  # the one on the page
        self._seen = (-1, "")  # the report and the message on it
        self._told: Document | None = None  # what the words of the newest scene are about
        self.dialog: FigureDialog | None = None  # figures for a paper, while it is open
        self._paper: Choice | None = None  # what was chosen there last

    @property
    def _session(self) -> Any:
        return self._window.session

    @property
    def lab(self) -> Lab | None:
        """The laboratory that is open."""
        found: Lab | None = self._session.lab.lab
        return found

    # --- widgets, made when first used ---------------------------------------------------------------------

    @cached_property
    def page(self) -> LabPage:
        """The page in the middle."""
        from explorer.ui.labs.page import LabPage

        page = LabPage()
        page.board.place = self._place  # type: ignore[method-assign]
        page.board.levels = self._levels  # type: ignore[method-assign]
        page.board.painted.connect(self._paint)
        page.board.dragged.connect(self._drag)
        page.board.released.connect(self._window.end_drag)
        page.board.pointed.connect(self._point)
        page.board.asked.connect(self._do)
        self._window.pages.addWidget(page)
        return page

    @cached_property
    def column(self) -> LabColumn:
        """The column at the right."""
        from explorer.ui.labs.column import LabColumn

        column = LabColumn()
        column.edited.connect(self.edit)
        column.finished.connect(self._window.end_drag)
        column.open_pressed.connect(self.open_picture)
        column.refused.connect(lambda text: self._window.notices.show_notice(text, "warn"))
        column.run_pressed.connect(self.run)
        column.stop_pressed.connect(self.stop)
        column.back_pressed.connect(self.close)
        column.all_pressed.connect(self.open_gallery)
        column.save_pressed.connect(lambda ending: self.ask_to_save(ending))
        self._window.columns.addWidget(column)
        return column

    @cached_property
    def gallery(self) -> LabGallery:
        """The page of cards."""
        from explorer.ui.labs.gallery import LabGallery, sections

        gallery = LabGallery(sections())
        gallery.chosen.connect(self._choose)
        gallery.closed.connect(self.close)
        self._window.pages.addWidget(gallery)
        return gallery

    # --- opening and closing -------------------------------------------------------------------------------

    def open_gallery(self) -> None:
        """Show all laboratories and scenes."""
        self._window.caption.clear()
        self._take(None)
        self.gallery.offer(self.reason_against)
        self._window.show_page(self.gallery, None)

    def reason_against(self, entry: Entry) -> str:
        """What data a laboratory needs where there are others; "" for one that they suit, and for scenes."""
        experiment = self._session.document.experiment
        if entry.kind != "lab" or LABS[entry.name].made_for(experiment):
            return ""
        return "Needs points" if experiment.pictures else "Needs images"

    def _choose(self, kind: str, name: str) -> None:
        (self.open if kind == "lab" else self.play_scene)(name)

    def open(self, name: str, **fields: Any) -> None:
        """Open a laboratory as it was set last, with these fields. Time stands still for one that looks at a moment."""
        self._keep()
        self._session.playhead.playing &= not LABS[name].follows
        self.show(changed(self._kept.get(name) or LABS[name](), fields))

    def show(self, lab: Lab) -> None:
        """Open this laboratory."""
        self._take(lab)
        self._set_page(lab)
        self.refresh()

    def _take(self, lab: Lab | None) -> None:
        """Have this one open: a step of undo."""
        self._keep()
        self._window.end_drag()
        self.edit(lab)
        self._window.end_drag()

    def _set_page(self, lab: Lab) -> None:
        self._window.caption.clear()
        if type(self._shown) is not type(lab):
            self._seen = (-1, "")
        self._shown = lab
        self.page.set_lab(lab, SECTIONS[lab.section])
        self.column.set_lab(lab)
        self._window.show_page(self.page, self.column)

    def close(self) -> None:
        """Back to the stage."""
        self._take(None)
        self._window.show_page(None, None)

    def _follow(self) -> None:
        """Show the laboratory of the document: undo and files open, set and close one too."""
        lab, before = self.lab, self._shown
        if lab is before:
            return
        self._shown = lab
        if lab is None:
            self._window.show_page(None, None)
        elif type(lab) is not type(before):
            self._set_page(lab)
        else:
            self.column.set_lab(lab)

    def _keep(self) -> None:
        if self.lab is not None:
            self._kept[self.lab.name] = self.lab

    def escape(self) -> bool:
        """Esc: a figure that is enlarged shrinks, else back to the stage. False where there is nothing to do."""
        if not self._window.on_page:
            return False
        if self.lab is not None and self.page.board.enlarged is not None:
            self.page.board.enlarge(None)
        else:
            self.close()
        return True

    def play_scene(self, name: str) -> None:
        """Set the document of a scene, open its laboratory, show its words; its pictures may have to be read first."""
        from explorer.session.scenes import scene as scene_named

        scene = scene_named(name)
        self._window.documents.pictures.fetch(scene.document, partial(self._play, scene))

    def _play(self, scene: Scene, document: Document) -> None:
        lab = scene.make_lab()
        self._keep()
        self._window.end_drag()
        self._window.change(replace(document, lab=lab), "scene")
        self._window.end_drag()
        self._window.select("A")
        if lab is None:
            self._window.show_page(None, None)
            self._window.caption.show_text(scene.title, scene.words)
            self._told = self._session.document
        else:
            self._set_page(lab)
            self.page.set_note(f"{scene.title}. {scene.words}")
            self.run()  # a heavy one would wait for somebody to press Run beside words about what is to be seen
        self._session.playhead.seek(0.0)
        self._session.playhead.playing = True

    def end_scene(self) -> None:
        """Take the words of a scene away once they no longer are about what is shown."""
        told, now = self._told, self._session.document
        if told is not None and (
            type(told.experiment.data) is not type(now.experiment.data)
            or (told.compare is None) != (now.compare is None)
            or self._session.history.place(told) < 0  # undone
        ):
            self._told = None
            self._window.caption.clear()

    def look_at_particle(self, stage: str, xy: tuple[float, float]) -> None:
        """Open the microscope on the particle nearest to a point of a stage."""
        index = self._session.showing.particle_at(stage, xy)
        if index is not None:
            self._window.select(stage)
            self.open(MICROSCOPE, particle=index)

    @property
    def has_microscope(self) -> bool:
        """Whether there is a laboratory for one particle."""
        return MICROSCOPE in LABS

    # --- what a person does in it ----------------------------------------------------------------------------

    def edit(self, lab: Lab | None) -> None:
        """Take other fields."""
        self._window.change(replace(self._session.document, lab=lab), "lab")
        self._follow()

    def run(self) -> None:
        """Run it as it is."""
        self._session.lab.run()
        self._window.hurry()

    def stop(self) -> None:
        """Stop the run."""
        self._session.lab.stop()
        self.refresh()

    def run_or_stop(self) -> None:
        """Run, or stop what runs."""
        if self.lab is not None:
            (self.stop if self._session.lab.running else self.run)()

    def _place(self, handle: Handle) -> tuple[float, float]:
        """Where a handle is: its fields are newer than the report that came with it."""
        lab = self.lab
        x, y = (getattr(lab, f, v) if f else v for f, v in zip(handle.fields, handle.xy, strict=True))
        return float(x), float(y)

    def _levels(self, canvas: Canvas) -> np.ndarray | None:
        """What is drawn on a canvas: the field is newer than the report. None where nothing is drawn yet."""
        drawn = getattr(self.lab, canvas.field, ())
        if len(drawn) != canvas.rows * canvas.columns:
            return None
        return np.array(drawn, np.uint8).reshape(canvas.rows, canvas.columns)

    def _paint(self, canvas: Canvas, levels: np.ndarray) -> None:
        """Write what is drawn into its field."""
        if self.lab is not None:
            self._try(self.lab, {canvas.field: tuple(levels.ravel().tolist())})

    def open_picture(self, field: str) -> None:
        """Ask for a picture of the user's own for a field of the open laboratory."""
        lab, data = self.lab, self._session.document.experiment.pictures
        if lab is None or data is None:
            return
        own = lab.own_pictures[field]

        def taken(read: tuple[tuple[int, ...], str]) -> None:
            if type(self.lab) is type(lab):
                self._window.end_drag()
                self._try(self.lab, {field: read[0], **own.sets})
                self._say(read[1])

        read = partial(own_levels, data=data, grey=own.grey)
        self._window.documents.ask_and_read("Open an image", PICTURE_FILTERS, read, taken)

    def _drag(self, handle: Handle, x: float, y: float) -> None:
        """Write a handle's place into the fields, within their ranges."""
        lab = self.lab
        if lab is None:
            return
        kind: Any = type(lab)
        known = {p.name: p for p in params(kind)}
        new = {
            f: _within(known[f], v)
            for f, v in zip(handle.fields, (x, y), strict=True)
            if f in known
        }  # fmt: skip
        self._try(lab, new)

    def _try(self, lab: Lab, new: dict[str, Any]) -> None:
        try:
            self.edit(changed(lab, new))
        except ParamError as error:
            self._window.notices.show_notice(str(error), "warn")

    def _point(self, x: float, y: float) -> None:
        """A click on a picture chooses the particle there, in a laboratory that looks at one."""
        lab = self.lab
        if lab is not None and hasattr(lab, "particle"):
            index = self._session.showing.particle_near(self._session.lab_stage, (x, y))
            if index is not None:
                self._try(lab, {"particle": index})

    # --- showing -------------------------------------------------------------------------------------------

    def refresh(self) -> None:
        """Show the newest report and what the run is doing."""
        self._follow()
        runner, lab = self._session.lab, self.lab
        if lab is None:
            return
        report = runner.report
        seen = (runner.serial, self._message())
        if seen != self._seen:
            self._seen = seen
            self.page.show_report(report, seen[1])
        self.page.show_progress(runner.running, runner.progress)
        self.column.set_state(
            self._state(), running=runner.running, progress=runner.progress,
            can_run=not runner.refusal and self._session.started, can_save=report is not None,
            waiting=report is None or runner.waits_for_run,
        )  # fmt: skip

    def _message(self) -> str:
        """What stands in the place of the figures."""
        runner, lab = self._session.lab, self.lab
        if runner.refusal:
            return str(runner.refusal)
        if runner.failure:
            return str(runner.failure)
        if not self._session.started:
            return "Loading PyTorch …"
        if lab is not None and lab.heavy and not runner.running:
            return f"{self._estimate()} While it works, every figure shows what there is so far."
        return "Computing …"

    def _estimate(self) -> str:
        """How long the open laboratory takes, and that it therefore waits."""
        assert self.lab is not None
        seconds = self.lab.seconds(self._session.document.experiment)
        takes = "a while" if math.isnan(seconds) else f"about {duration(seconds)}"
        return f"This takes {takes}, so it waits for Run."

    def _state(self) -> str:
        runner, lab = self._session.lab, self.lab
        if runner.refusal or lab is None:
            return ""
        if runner.running:
            return "" if math.isnan(runner.left) else f"About {duration(runner.left)} left."
        if runner.failure:
            return f"It failed: {runner.failure}"
        if runner.waits_for_run and lab.heavy:
            return f"Something has changed since: Run shows it. {self._estimate()}" if runner.report else ""
        if runner.report is not None and runner.report.progress < 1:
            return f"Stopped at {runner.report.progress:.0%}."
        return ""

    # --- copying and saving ----------------------------------------------------------------------------------

    def _do(self, figure: Figure, what: str) -> None:
        """What the menu of a figure offers."""
        if what == PAPER:
            self.ask_for_paper(figure)
        elif what == "save":
            ending = {Table: ".csv", Equation: ".svg"}.get(type(figure), ".pdf")
            self.ask_to_save(ending, [figure])
        elif what == "picture":
            from explorer.ui.figures import render as figure_render

            image = figure_render.to_image([figure], files.Source(""), theme_named(self._window.theme_name))
            QApplication.clipboard().setImage(image)
            self._say(f"The image is on the clipboard ({image.width()} × {image.height()} px).")
        else:
            QApplication.clipboard().setText(as_text(figure, what, self._source()))
            self._say("It is on the clipboard.")

    def _source(self) -> files.Source:
        """What the figures on the page were made from."""
        runner = self._session.lab
        shown = runner.shown
        return source_of(shown.lab, shown.experiment, shown.resolved, runner.report.words)

    def shut_down(self) -> None:
        """Close what is open beside the window."""
        if self.dialog is not None:
            self.dialog.close()

    def ask_for_paper(self, figure: Figure | None = None) -> None:
        """Let a person see the figures as they will be in a paper or on a slide, and save them so."""
        report = self._session.lab.report
        if self.lab is None or report is None:
            return
        self.shut_down()
        from explorer.ui.dialogs.figure_dialog import FigureDialog

        dialog = FigureDialog(
            self._window,
            report.figures,
            self._source(),
            self._save_for_paper,
            chosen=figure,
            choice=self._paper,
        )
        dialog.closed.connect(lambda: setattr(self, "dialog", None))
        self.dialog = dialog
        dialog.show()

    def _save_for_paper(self, wanted: Wanted) -> None:
        assert self.dialog is not None
        self._paper, source = self.dialog.choice, self.dialog.source
        name = wanted.figures[0].title if len(wanted.figures) == 1 else source.title
        from explorer.ui.labs.column import FORMATS

        filters = [f"{FORMATS[wanted.ending]} (*{wanted.ending})"]
        write = partial(
            self._write, figures=wanted.figures, source=source, theme_name=wanted.theme, paper=wanted.paper
        )
        asking = self._window.documents.asking
        asking.ask("Save the figure", filters, write, with_ending(name, wanted.ending))

    def _write(
        self,
        path: Path,
        figures: Sequence[Figure],
        source: files.Source,
        theme_name: str,
        paper: Paper | None,
    ) -> None:
        if not self._window.documents.spared(path):
            return
        from explorer.ui.figures import render as figure_render  # it brings what writes SVG and PDF

        write = partial(figure_render.write_picture, path, figures, source, theme_named(theme_name), paper)
        self._window.documents.run(write, lambda _: self._say(f"Saved as {path.name}."), path.name, "saved")

    def ask_to_save(self, ending: str, figures: Sequence[Figure] = ()) -> None:
        """Ask for a name, and save these figures (all of them where none is named)."""
        if ending == PAPER:
            return self.ask_for_paper()
        if self.lab is None or self._session.lab.report is None:
            return
        name = figures[0].title if figures else self.lab.title
        from explorer.ui.labs.column import FORMATS

        filters = [f"{words} (*{e})" for e, words in FORMATS.items()]
        first = next(f for f in filters if f"*{ending})" in f)
        ordered = [first, *(f for f in filters if f != first)]
        saving = partial(self.save_to, figures=tuple(figures))
        title = "Save the figure" if figures else "Save the figures"
        self._window.documents.asking.ask(title, ordered, saving, with_ending(name, ending))

    def save_to(self, path: Path | str, figures: Sequence[Figure] = ()) -> None:
        """Save figures (all of them where none is named) as the ending says."""
        report = self._session.lab.report
        if report is None:
            return
        path, source, chosen = Path(path), self._source(), tuple(figures) or report.figures
        from explorer.ui.figures import render as figure_render  # it brings what writes SVG and PDF

        if path.suffix.lower() in figure_render.ENDINGS:
            return self._write(path, chosen, source, self._window.theme_name, None)
        if not self._window.documents.spared(path):
            return
        write = partial(files.write_numbers, path, chosen, report.arrays, source)
        self._window.documents.run(write, lambda _: self._say(f"Saved as {path.name}."), path.name, "saved")

    def _say(self, text: str) -> None:
        self._window.notices.show_notice(text)


def changed(lab: Any, fields: Mapping[str, Any]) -> Lab:
    """The laboratory with other fields. ParamError where one cannot be so."""
    made: Lab = replace(lab, **fields)
    return made


def as_text(figure: Figure, what: str, source: files.Source) -> str:
    """A figure as text for the clipboard: LaTeX, or its numbers in columns that a spreadsheet takes."""
    if isinstance(figure, Equation):
        return figure.latex
    if what == "latex":
        return files.latex_text([figure], source)
    text = files.csv_text([figure], source, "\t")
    return "".join(line for line in text.splitlines(keepends=True) if not line.startswith("#"))


def _within(p: Param, value: float) -> Any:
    """A number as this parameter takes it, brought into its range."""
    value = min(max(value, p.minimum), p.maximum)
    return round(value) if p.kind == "int" else float(value)
