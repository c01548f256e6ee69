"""What the session tells the person."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from typing import Protocol

from explorer.base.errors import Told, sentence

#: Nothing can be done about it.
NOTHING = ("", "")


@dataclass(frozen=True)
class Notice:
    """A sentence for the person: level is info, warn, error or offer; `action` is what could be done about it, by
    the words of a button and the name of a method of the session's networks ("" for nothing)."""

    level: str
    text: str
    action: tuple[str, str] = NOTHING


class Worker(Protocol):
    """What runs in the background and may fail: its error is to be told once."""

    error: BaseException | None


class Notices(deque[Notice]):
    """The notices that the window has not taken yet, oldest first."""

    def __init__(self) -> None:
        super().__init__()
        self._told: set[str] = set()
        #: What is offered no more, by the methods that it names: the window takes such notices away.
        self.withdrawn: set[str] = set()

    def say(self, level: str, text: str, action: tuple[str, str] = NOTHING) -> None:
        """Leave a notice for the window."""
        self.append(Notice(level, text, action))

    def withdraw(self, *methods: str) -> None:
        """Take back what offers these."""
        kept = [notice for notice in self if notice.action[1] not in methods]
        self.clear()
        self.extend(kept)
        self.withdrawn.update(methods)

    def say_once(self, text: str) -> None:
        """An error that would come again with every picture or every move of a slider."""
        if text not in self._told:
            self._told.add(text)
            self.say("error", text)

    def report(self, worker: Worker, action: tuple[str, str] = NOTHING) -> None:
        """Tell what a worker failed with, if it did."""
        error, worker.error = worker.error, None
        if error is not None:
            self.say("error", words_of(error), action)


def words_of(error: BaseException) -> str:
    """An exception as a sentence, and that nothing is lost where nobody foresaw it."""
    return sentence(error) if isinstance(error, Told) else f"{sentence(error)} Nothing is lost."
