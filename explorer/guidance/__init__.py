"""Control: what turns samples of p(x) into samples of p(x | y). One file each; the registry is CONTROLS."""

from explorer.guidance.base import CONTROLS, Control, Guided, Replaced, Sources
from explorer.guidance.observation import Known, Observation

__all__ = ["CONTROLS", "Control", "Guided", "Known", "Observation", "Replaced", "Sources"]
