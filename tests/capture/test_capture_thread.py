"""The capture thread with sources that hang, die and come back. Every wait here is for an event, with a limit."""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from patience import PATIENCE_S, until

from tracker.capture import CaptureThread, Counters, Message, SourceInfo, open_source
from tracker.capture.source import BaseSource
from tracker.errors import SourceError
from tracker.settings import Capture
from tracker.types import Frame

QUICK = Capture(stall_s=0.1, retry_s=0.05)
PATIENT = Capture(stall_s=60.0, retry_s=0.02)
HANG, DIE, END = "hang", "die", "end"


class Device(BaseSource):
    """Does what is put in `script`: a number is a frame with that index, or HANG, DIE, END.

    When the script is empty it waits, or, where it is `steady`, goes on sending frames.
    """

    def __init__(self, kind: str = "camera", live: bool = True, steady: bool = False) -> None:
        super().__init__()
        self.steady = steady
        self.sent = 0
        self._info = SourceInfo("webcam", kind, live, 2, 2, 30.0, got="2x2 30 fps")  # type: ignore[arg-type]
        self.script: queue.Queue[int | str] = queue.Queue()
        self.unblocked = threading.Event()
        self.blocked = threading.Event()
        self.released = threading.Event()

    @property
    def info(self) -> SourceInfo:
        return self._info

    def does(self, *steps: int | str) -> Device:
        for step in steps:
            self.script.put(step)
        return self

    def _read(self) -> Frame | None:
        try:
            step = self.script.get(timeout=0.002 if self.steady else None)
        except queue.Empty:
            step = self.sent
        if step == HANG:  # like a driver: nothing can end this from outside
            self.blocked.set()
            assert self.unblocked.wait(PATIENCE_S)
            return Frame(np.zeros((2, 2, 3), np.uint8), 999.0, 999)
        if step == DIE:
            raise SourceError("webcam stopped sending pictures; was it pulled out?")
        if step == END:
            return None
        index = int(step)
        self.sent = index + 1
        return Frame(np.full((2, 2, 3), index % 256, np.uint8), index / 30, index)

    def _release(self) -> None:
        self.released.set()

    def unplug(self) -> None:
        """Let every thread of this test's device go."""
        self.unblocked.set()
        self.script.put(END)


class Heard:
    """Collects messages and waits for one."""

    def __init__(self) -> None:
        self.all: list[Message] = []
        self._changed = threading.Condition()

    def __call__(self, message: Message) -> None:
        with self._changed:
            self.all.append(message)
            self._changed.notify_all()

    def wait(self, state: str, containing: str = "") -> Message:
        """The latest such message, once there is one."""

        def found() -> list[Message]:
            return [m for m in self.all if m.state == state and containing in m.text]

        with self._changed:
            assert self._changed.wait_for(found, PATIENCE_S), f"no {state} among {self.all}"
            return found()[-1]

    def wait_until_it_is(self, state: str) -> None:
        """Until the newest message is of that state."""
        with self._changed:
            there = self._changed.wait_for(lambda: bool(self.all) and self.all[-1].state == state, PATIENCE_S)
            assert there, f"{state} is not the last of {self.all}"


@contextmanager
def capturing(
    source: object, settings: Capture, *devices: Device, **how: object
) -> Iterator[tuple[CaptureThread, Heard]]:
    heard = Heard()
    thread = CaptureThread(source, settings, on_message=heard, **how)  # type: ignore[arg-type]
    thread.start()
    try:
        yield thread, heard
    finally:
        for device in devices:
            device.unplug()
        thread.stop(PATIENCE_S)


def shelf(*devices: Device) -> Callable[[], Device]:
    """A factory that hands out one device after the other, and then has none."""
    rest = iter(devices)

    def take() -> Device:
        device = next(rest, None)
        if device is None:
            raise SourceError("No camera found; connect one.")
        return device

    return take


def test_the_newest_frame_wins_and_drops_are_counted() -> None:
    device = Device().does(*range(10))
    with capturing(device, PATIENT, device) as (thread, _):
        until(lambda: thread.counters.captured >= 10)
        frame = thread.get(PATIENCE_S)
        assert frame is not None
        assert frame.index == 9
        assert thread.counters == Counters(captured=10, dropped=9, reopened=0)
        assert thread.get(0.01) is None
        assert not thread.ended
        device.does(10)
        later = thread.get(PATIENCE_S)
        assert later is not None
        assert later.index == 10
        assert thread.counters.dropped == 9


def test_a_recording_loses_nothing_however_slow_the_consumer() -> None:
    device = Device("video", live=False).does(*range(40), END)
    with capturing(device, PATIENT, device, queue_size=3) as (thread, heard):
        until(lambda: thread.counters.captured >= 3)
        seen = []
        while not thread.ended:
            frame = thread.get(PATIENCE_S)
            if frame is not None:
                seen.append(frame.index)
        assert seen == list(range(40))
        assert thread.counters == Counters(captured=40, dropped=0)
        assert "ended after 40 frames" in heard.wait("ended").text
        assert device.released.wait(PATIENCE_S)
        assert not any(m.state in ("stalled", "retrying") for m in heard.all)


def test_a_real_file_goes_through_whole() -> None:
    with capturing("demo:1?frames=12&width=64&height=48", QUICK) as (thread, heard):
        indexes = []
        while not thread.ended:
            frame = thread.get(PATIENCE_S)
            if frame is not None:
                indexes.append(frame.index)
        assert indexes == list(range(12))
        heard.wait("ended")
    assert [m.state for m in heard.all] == ["opening", "running", "ended"]


def test_a_live_demo_runs_and_stops() -> None:
    with capturing("demo?width=64&height=48&fps=200", QUICK, realtime=True) as (thread, _):
        frames = [thread.get(PATIENCE_S) for _ in range(4)]
        times = [f.time for f in frames if f is not None]
        assert len(times) == 4
        assert times == sorted(set(times))
        assert thread.info is not None
        assert thread.info.live
        thread.stop(PATIENCE_S)
        assert thread.ended
        assert thread.get(PATIENCE_S) is None


def test_a_camera_that_hangs_is_told_retried_and_replaced() -> None:
    first = Device().does(0, 1, HANG)
    rest: list[Device] = []

    def plug() -> Device:
        rest.append(Device(steady=True))
        return first if len(rest) == 1 else rest[-1]

    with capturing(plug, QUICK, first) as (thread, heard):
        heard.wait("stalled", "webcam has sent no picture")
        assert "Trying again every 0.05 s" in heard.wait("retrying", "has sent no picture").text
        until(lambda: thread.counters.reopened >= 1)
        assert not first.released.is_set()
        first.unblocked.set()  # the old driver's call comes back at last, and its late frame goes nowhere
        assert first.released.wait(PATIENCE_S)
        frames = [thread.get(PATIENCE_S) for _ in range(20)]
        indexes = [f.index for f in frames if f is not None]
        times = [f.time for f in frames if f is not None]
        assert len(indexes) == 20
        assert indexes[0] >= 2  # goes on from 0 and 1
        assert times[0] > 1 / 30
        assert all(a < b for a, b in pairwise(indexes))
        assert all(a < b for a, b in pairwise(times))
        assert indexes[-1] < thread.counters.captured
        for device in rest:
            device.unplug()


def test_a_hiccup_shorter_than_the_patience_costs_nothing() -> None:
    device = Device().does(0, HANG)
    settings = Capture(stall_s=0.05, retry_s=60.0)
    with capturing(shelf(device), settings, device) as (thread, heard):
        assert device.blocked.wait(PATIENCE_S)
        heard.wait_until_it_is("stalled")
        device.unblocked.set()
        heard.wait_until_it_is("running")
        assert thread.counters == Counters(captured=2, dropped=1, reopened=0)


def test_a_camera_that_is_pulled_out_comes_back_with_time_going_on() -> None:
    first, second = Device().does(0, 1, 2, DIE), Device().does(0)
    with capturing(shelf(first), PATIENT, first, second) as (thread, heard):
        heard.wait("retrying", "was it pulled out? Trying again")
        heard.wait("retrying", "No camera found")
        assert first.released.wait(PATIENCE_S)
        last = thread.get(PATIENCE_S)
        assert last is not None
        thread._opener = shelf(second)  # plugged in again
        back = thread.get(PATIENCE_S)
        assert back is not None
        assert back.index == 3
        assert back.time > last.time == 2 / 30
        assert thread.counters == Counters(captured=4, dropped=2, reopened=1)


def test_a_camera_that_is_not_there_yet_is_waited_for() -> None:
    late = Device().does(0)
    plugged = threading.Event()

    def plug() -> Device:
        if not plugged.is_set():
            raise SourceError("No camera found; connect one.")
        return late

    with capturing(plug, PATIENT, late) as (thread, heard):
        heard.wait("retrying", "No camera found")
        plugged.set()
        frame = thread.get(PATIENCE_S)
        assert frame is not None
        assert (frame.index, frame.time) == (0, 0.0)


def test_a_driver_that_hangs_while_it_opens_is_told_and_does_not_hold_up_stop() -> None:
    opening = threading.Event()

    def slow() -> Device:
        assert opening.wait(PATIENCE_S)
        raise SourceError("too late")

    with capturing(slow, QUICK) as (thread, heard):
        assert "has not opened" in heard.wait("stalled").text
        assert thread.get(0.01) is None
        thread.stop(0.0)
        assert thread.ended
        opening.set()


def test_stop_leaves_a_blocked_driver_behind() -> None:
    device = Device().does(0, HANG)
    with capturing(device, PATIENT, device) as (thread, _):
        assert device.blocked.wait(PATIENCE_S)
        thread.stop(0.0)
        assert thread.ended
        assert not device.released.is_set()
        device.unblocked.set()
        assert device.released.wait(PATIENCE_S)


def test_blocked_readers_do_not_pile_up() -> None:
    devices = [Device().does(HANG) for _ in range(8)]

    def blocked() -> list[Device]:
        return [device for device in devices if device.blocked.is_set()]

    with capturing(shelf(*devices), QUICK, *devices):
        until(lambda: len(blocked()) == 3)
        assert not devices[-1].blocked.wait(3 * (QUICK.stall_s + QUICK.retry_s))
        assert len(blocked()) == 3
        blocked()[0].unblocked.set()
        until(lambda: len(blocked()) == 4)


def test_a_lost_camera_is_waited_for_as_long_as_the_settings_say() -> None:
    device = Device().does(0, DIE)
    settings = Capture(stall_s=60.0, retry_s=0.02, give_up_s=0.2)
    with capturing(shelf(device), settings, device) as (thread, heard):
        assert heard.wait("failed").text.endswith(" Tried for 0.2 s, then given up (capture.give_up_s).")
        assert [m.state for m in heard.all].count("retrying") >= 1
        frame = thread.get(PATIENCE_S)  # what had come before is not lost
        assert frame is not None and frame.index == 0
        assert thread.get(PATIENCE_S) is None and thread.ended


def test_drivers_that_all_hang_are_given_up_too() -> None:
    devices = [Device().does(HANG) for _ in range(4)]
    settings = Capture(stall_s=0.05, retry_s=0.02, give_up_s=0.5)
    with capturing(shelf(*devices), settings, *devices) as (_, heard):
        assert "has sent no picture" in heard.wait("failed").text


def test_a_source_that_cannot_be_opened_again_fails() -> None:
    device = Device().does(0, DIE)
    with capturing(device, PATIENT, device) as (thread, heard):
        assert "was it pulled out" in heard.wait("failed").text
        frame = thread.get(PATIENCE_S)
        assert frame is not None
        assert thread.get(PATIENCE_S) is None
        assert thread.ended


@pytest.mark.parametrize("name", ["missing.mp4", "empty.mp4"])
def test_a_file_that_cannot_be_read_fails_at_once(tmp_path: Path, name: str) -> None:
    (tmp_path / "empty.mp4").touch()
    with capturing(tmp_path / name, QUICK) as (thread, heard):
        assert name in heard.wait("failed").text
        assert thread.get(PATIENCE_S) is None
        assert thread.ended
        assert thread.info is None


def test_a_bug_in_a_source_is_a_message_not_a_silence(caplog: pytest.LogCaptureFixture) -> None:
    class Broken(Device):
        def _read(self) -> Frame | None:
            raise ZeroDivisionError("a bug")

    device = Broken()
    with capturing(device, PATIENT) as (_, heard):
        assert "failed unexpectedly (ZeroDivisionError: a bug)" in heard.wait("failed").text
    assert device.released.wait(PATIENCE_S)


def test_a_listener_that_fails_does_not_stop_the_capture(caplog: pytest.LogCaptureFixture) -> None:
    def listener(message: Message) -> None:
        raise ValueError(message.state)

    thread = CaptureThread("demo?frames=2&width=32&height=32", QUICK, on_message=listener)
    thread.start()
    frames = [thread.get(PATIENCE_S), thread.get(PATIENCE_S)]
    thread.stop(PATIENCE_S)
    assert all(frame is not None for frame in frames)


def test_notes_that_change_are_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tracker.capture.thread._LOOK_S", 0.01)
    device = Device().does(0)
    with capturing(device, PATIENT, device) as (_, heard):
        heard.wait("running")
        device._info = SourceInfo("webcam", "camera", True, 2, 2, 30.0, got="2x2", notes=("The picture is black.",))
        assert heard.wait("running", "The picture is black.").text.startswith("webcam: 2x2.")


def test_stop_before_start_and_twice() -> None:
    thread = CaptureThread("demo")
    thread.stop()
    assert thread.get(PATIENCE_S) is None
    with capturing("demo?frames=3&width=32&height=32", QUICK) as (running, _):
        running.stop(PATIENCE_S)
        running.stop(PATIENCE_S)
        assert running.ended


def test_an_open_source_is_closed_by_stop() -> None:
    source = open_source("demo?width=32&height=32&fps=0.01", realtime=True)
    with capturing(source, QUICK) as (thread, _):
        assert thread.get(PATIENCE_S) is not None
        thread.stop(PATIENCE_S)  # the next frame is due in 100 s
        assert not thread._supervisor.is_alive()
        assert source.read() is None
