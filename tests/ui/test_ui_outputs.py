"""Outputs in the window: what is switched on is sent and counted, what cannot be is said, nothing leaves unasked."""

from __future__ import annotations

import socket
from collections.abc import Callable

from patience import PATIENCE_MS
from pytestqt.qtbot import QtBot

from tracker.settings import Settings, Stream
from tracker.stream import STREAMS, opentrack
from ui.outputs import Outputs
from ui.panels.streams import RowState
from ui.window import Window

Make = Callable[..., Window]


def feature(window: Window) -> Outputs:
    (found,) = (one for one in window.features if isinstance(one, Outputs))
    return found


def open_demo(window: Window, qtbot: QtBot) -> None:
    window.open("demo:1?width=160&height=120")
    qtbot.waitUntil(lambda: window.live.state.phase == "running", timeout=PATIENCE_MS)


def test_a_row_is_switched_on_sends_and_is_switched_off(
    make_window: Make, qtbot: QtBot, receiver: socket.socket
) -> None:
    window = make_window(features=(Outputs,))
    outputs = feature(window)
    assert set(outputs.panel.rows) == set(STREAMS)
    open_demo(window, qtbot)
    row = outputs.panel.rows["opentrack"]
    row.address.setText(str(receiver.getsockname()[1]))
    row.on.click()
    target = f"opentrack:{receiver.getsockname()[1]}"
    assert window.settings.stream.to == target
    qtbot.waitUntil(lambda: target in outputs.outputs, timeout=PATIENCE_MS)
    assert len(receiver.recv(1000)) == 48
    qtbot.waitUntil(lambda: row.rate.text() not in ("off", "0 /s"), timeout=PATIENCE_MS)
    sink = outputs.outputs[target].sink
    row.on.click()
    assert window.settings.stream.to == "" and sink not in window.live.pipeline.sinks
    outputs.refresh()
    assert row.rate.text() == "off" and row.address.text() == str(receiver.getsockname()[1])


def test_several_addresses_of_one_protocol(make_window: Make, qtbot: QtBot) -> None:
    window = make_window(Settings(stream=Stream(to="vmc vmc:39540")), features=(Outputs,))
    row = feature(window).panel.rows["vmc"]
    assert row.on.isChecked() and row.address.text() == "127.0.0.1 39540"
    assert row.targets == ("vmc:127.0.0.1", "vmc:39540")
    window.change("stream.to", "vmc")
    assert row.address.text() == "" and row.targets == ("vmc",)


def test_leaving_this_computer_takes_a_visible_choice(make_window: Make, qtbot: QtBot) -> None:
    window = make_window(Settings(stream=Stream(to="osc:192.0.2.1")), features=(Outputs,))
    outputs = feature(window)
    assert not outputs.panel.warning.isVisibleTo(outputs.panel)
    open_demo(window, qtbot)
    row = outputs.panel.rows["osc"]
    qtbot.waitUntil(lambda: "is not this computer" in row.problem.text(), timeout=PATIENCE_MS)
    assert outputs.outputs["osc:192.0.2.1"].sink is None
    window.change("stream.to", "osc")  # nothing may be sent to that address from here on
    outputs.panel.remote.click()
    assert window.settings.stream.allow_remote and outputs.panel.warning.isVisibleTo(outputs.panel)
    qtbot.waitUntil(lambda: "osc" in outputs.outputs, timeout=PATIENCE_MS)
    outputs.refresh()
    assert row.problem.text() == ""


def test_recentring_holds_for_all_outputs_and_the_next_source(
    make_window: Make, qtbot: QtBot, receiver: socket.socket
) -> None:
    target = f"opentrack:{receiver.getsockname()[1]}"
    window = make_window(Settings(stream=Stream(to=target)), features=(Outputs,))
    outputs = feature(window)
    open_demo(window, qtbot)
    assert abs(opentrack.decode(receiver.recv(1000))["tz_cm"]) > 5.0
    window.actions_by_name["recentre"].trigger()
    qtbot.waitUntil(lambda: outputs.neutral is not None, timeout=PATIENCE_MS)
    for source in ("demo:1?width=160&height=120", "demo:2?width=160&height=120"):
        window.open(source)
        qtbot.waitUntil(lambda: window.live.state.phase == "running" and target in outputs.outputs, timeout=PATIENCE_MS)
        sink = outputs.outputs[target].sink
        assert sink is not None and sink.neutral is outputs.neutral
    window.change("stream.invert_yaw", True)  # opened anew, with the same pose
    qtbot.waitUntil(lambda: target in outputs.outputs and outputs.outputs[target].sink is not sink, timeout=PATIENCE_MS)
    assert outputs.outputs[target].sink is not None and outputs.outputs[target].sink.neutral is outputs.neutral


def test_a_row_with_a_wrong_address_stays_on_and_says_why(
    make_window: Make, qtbot: QtBot, receiver: socket.socket
) -> None:
    port = receiver.getsockname()[1]
    window = make_window(Settings(), features=(Outputs,))
    outputs = feature(window)
    open_demo(window, qtbot)
    row = outputs.panel.rows["openseeface"]
    row.address.setText("nonsense:99999")
    row.on.click()
    qtbot.waitUntil(lambda: "names no port" in row.problem.text(), timeout=PATIENCE_MS)
    outputs.panel.rows["vmc"].on.click()
    assert row.on.isChecked() and row.address.text() == "nonsense:99999"
    row.address.setText(str(port))
    row.address.editingFinished.emit()
    qtbot.waitUntil(lambda: row.problem.text() == "", timeout=PATIENCE_MS)
    assert set(window.settings.stream.to.split()) == {f"openseeface:{port}", "vmc"}


def test_a_taken_port_is_told_in_its_row(make_window: Make, qtbot: QtBot) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        window = make_window(Settings(stream=Stream(to=f"websocket:{port}")), features=(Outputs,))
        outputs = feature(window)
        open_demo(window, qtbot)
        row = outputs.panel.rows["websocket"]
        qtbot.waitUntil(lambda: f"Port {port}" in row.problem.text(), timeout=PATIENCE_MS)
        assert "taken" in row.problem.text() and row.problem.isVisibleTo(outputs.panel)
        window.close()


def test_rows_say_what_they_do(make_window: Make) -> None:
    panel = feature(make_window(features=(Outputs,))).panel
    panel.show_states({"vmc": RowState(59.7), "osc": RowState(0.0, "no route")})
    assert panel.rows["vmc"].rate.text() == "60 /s" and panel.rows["opentrack"].rate.text() == "off"
    assert panel.rows["osc"].problem.text() == "no route"


def test_how_it_is_sent_goes_both_ways(make_window: Make) -> None:
    window = make_window(Settings(stream=Stream(rate=30.0, names="vrm0")), features=(Outputs,))
    panel = feature(window).panel
    assert panel.rate.value() == 30.0 and panel.names.currentText() == "VRM 0 presets"
    panel.rate.setValue(0.0)
    panel.mirror.click()
    panel.inverted["pitch"].click()
    changed = window.settings.stream
    assert (changed.rate, changed.mirror, changed.invert_pitch) == (0.0, True, True)
    window.change("stream.facial_mocap", "v1")
    assert panel.mocap.currentText() == "v1"
