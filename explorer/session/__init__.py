"""The session: the document, undo, the running jobs and the playhead. What the window shows, without a window."""

from explorer.session.core import Session
from explorer.session.notices import Notice
from explorer.session.plan import Plan, plan
from explorer.session.snapshot import Picture

__all__ = ["Notice", "Picture", "Plan", "Session", "plan"]
