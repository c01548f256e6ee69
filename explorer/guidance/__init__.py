"""Control: what turns samples of p(x) into samples of p(x | y). One file each; the registry is CONTROLS."""

from explorer.diffusion.observation import Known, Observation, Replaced
from explorer.guidance.base import CONTROLS, Control, Guided, Sources

__all__ = ["CONTROLS", "Control", "Guided", "Known", "Observation", "Replaced", "Sources"]
