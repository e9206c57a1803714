"""Work beside the window: in order, the newest first, and nothing after the end."""

from __future__ import annotations

import threading

import pytest
from patience import PATIENCE_S, until

from ui.newest import Newest


class Slow:
    """Work that waits until it is let go."""

    def __init__(self) -> None:
        self.begun, self.go, self.told = threading.Event(), threading.Event(), threading.Event()
        self.done: list[int] = []
        self.newest: Newest[int, int] = Newest("slow", self._work, self._ready)

    def _work(self, asked: int) -> int:
        self.begun.set()
        assert self.go.wait(PATIENCE_S)
        if asked < 0:
            raise ValueError(asked)
        return 10 * asked

    def _ready(self, made: int) -> None:
        self.done.append(made)
        if made == 40:
            self.told.set()


def test_what_waits_is_replaced_by_what_is_asked_later() -> None:
    slow = Slow()
    slow.newest.ask(1)
    assert slow.begun.wait(PATIENCE_S)
    for asked in (2, 3, 4):
        slow.newest.ask(asked)
    slow.go.set()
    assert slow.told.wait(PATIENCE_S)
    assert slow.done == [10, 40]


def test_it_goes_on_after_a_pause_and_after_a_failure(caplog: pytest.LogCaptureFixture) -> None:
    slow = Slow()
    slow.go.set()
    slow.newest.ask(-1)
    assert slow.begun.wait(PATIENCE_S)
    for thread in threading.enumerate():
        if thread.name == "slow":
            thread.join(PATIENCE_S)
    assert "slow failed" in caplog.text
    slow.newest.ask(4)
    assert slow.told.wait(PATIENCE_S)
    assert slow.done == [40]


def test_nothing_comes_after_the_end() -> None:
    slow = Slow()
    slow.newest.ask(4)
    assert slow.begun.wait(PATIENCE_S)
    (thread,) = (thread for thread in threading.enumerate() if thread.name == "slow")
    slow.newest.close()
    slow.newest.ask(4)
    slow.go.set()
    slow.newest.join(PATIENCE_S)
    assert not thread.is_alive() and slow.done == []


def test_who_asked_is_told_what_failed_and_why() -> None:
    told: list[tuple[int, str]] = []
    over = threading.Event()

    def work(asked: int) -> int:
        return 1 // asked

    def failed(asked: int, error: Exception) -> None:
        told.append((asked, type(error).__name__))
        over.set()

    newest: Newest[int, int] = Newest("slow", work, lambda made: told.append((made, "")), failed)
    newest.ask(0)
    assert over.wait(PATIENCE_S) and told == [(0, "ZeroDivisionError")]
    newest.ask(1)
    until(lambda: told[1:] == [(1, "")])


def test_an_answer_that_finds_nobody_ends_nothing() -> None:
    """PyQt raises RuntimeError for a widget that was deleted just before; what is asked then is still worked on."""
    told: list[int] = []
    both = threading.Event()

    def gone(made: int) -> None:
        told.append(made)
        if len(told) == 2:
            both.set()
        raise RuntimeError("wrapped C/C++ object has been deleted")

    newest: Newest[int, int] = Newest("slow", lambda asked: asked, gone)
    newest.ask(1)
    until(lambda: told == [1])
    newest.ask(2)
    assert both.wait(PATIENCE_S) and told == [1, 2]
