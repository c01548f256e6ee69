"""How the curves of one plot are told apart: by colour, and where colours end by the line."""

from __future__ import annotations

#: Those that are told apart best come first; the orange of noise and the yellow of data stand far from each other.
ROLES = ("accent", "noise", "score", "corrector", "error", "text", "muted", "data")


def style(i: int) -> tuple[str, str]:
    """The role and the line of the i-th curve."""
    return ROLES[i % len(ROLES)], ("solid", "dash", "dot")[i // len(ROLES) % 3]
