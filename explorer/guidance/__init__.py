"""Control: what turns samples of p(x) into samples of p(x | y). One file each; the registry is CONTROLS."""

from explorer.guidance.base import CONTROLS, Control, Guided, Known, Replaced, Sources

__all__ = ["CONTROLS", "Control", "Guided", "Known", "Replaced", "Sources"]
