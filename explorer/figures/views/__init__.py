"""Views: pure functions from a scene to marks, one file each."""

from explorer.figures.views.base import VIEWS, Scene, View, compose

__all__ = ["VIEWS", "Scene", "View", "compose"]
