"""Exporters: files of an experiment's runs, one format in each module."""

from explorer.export.base import EXPORTERS, Exporter, ExportError, Outline, Preview, Progress, preview
from explorer.export.page import Page, Pane, Renderer
from explorer.export.replay import Replay, Track

__all__ = [
    "EXPORTERS",
    "ExportError",
    "Exporter",
    "Outline",
    "Page",
    "Pane",
    "Preview",
    "Progress",
    "Renderer",
    "Replay",
    "Track",
    "preview",
]
