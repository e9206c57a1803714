"""Every protocol, byte for byte: decoders here are written from the documented layouts, not from our encoders."""

from __future__ import annotations

import json
import struct
from dataclasses import replace
from fractions import Fraction
from typing import Any

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pythonosc.osc_bundle import OscBundle
from pythonosc.osc_message import OscMessage
from scipy.spatial.transform import Rotation
from synthetic import make_face, make_state

from tracker.errors import SettingsError, SourceError
from tracker.head import EXPRESSIONS, load_head
from tracker.head.axes import quaternion, turn_of
from tracker.settings import Stream
from tracker.stream import generic_osc, ifacialmocap, livelink, lsl, openseeface, opentrack, osc, vmc, websocket
from tracker.stream.performance import Moment, performance

VALUES = np.linspace(0.0, 1.0, 52, dtype=np.float32)


def moment(*angles: float, faces: int = 1, **changes: Any) -> Moment:
    """Frames of 640 x 480 at 2.0125 s with faces whose shapes are `VALUES`."""
    state = replace(make_state((350.0, 200.0), angles=angles or (20.0, -10.0, 5.0)), expression=VALUES)  # type: ignore[arg-type]
    made = tuple(performance(make_face(state, i + 3)) for i in range(faces))
    return Moment(**{"index": 61, "time": 2.0125, "wall": 1.7e9, "width": 640, "height": 480, "faces": made, **changes})


# --- opentrack


def test_opentrack_is_six_little_endian_doubles() -> None:
    now = moment()
    face = replace(now.faces[0], turn=turn_of(30.0, 0.0, 0.0), shift=np.array([0.25, 0.5, -0.75]))
    packet = opentrack.encode(replace(now, faces=(face,)))
    assert len(packet) == 48
    assert packet[:24].hex() == "000000000000394000000000000049400000000000c05240"  # 25, 50, 75 cm
    yaw, pitch, roll = struct.unpack("<3d", packet[24:])
    assert (yaw, pitch, roll) == pytest.approx((-30.0, 0.0, 0.0), abs=1e-4)


def test_opentrack_signs_are_those_of_its_own_trackers() -> None:
    """Its paper tracker: R Rx(pi) in OpenCV's axes, split as z, y, x; roll +z, pitch -x, yaw +y; t = (x, -y, z)."""
    now = moment(12.0, 7.0, -4.0)
    pose = now.faces[0].face.pose
    z, y, x = Rotation.from_matrix(pose.rotation @ np.diag([1.0, -1.0, -1.0])).as_euler("ZYX", degrees=True)
    found = opentrack.decode(opentrack.encode(now))
    t = 100.0 * pose.translation
    assert [found[k] for k in ("tx_cm", "ty_cm", "tz_cm")] == pytest.approx([t[0], -t[1], t[2]], abs=1e-3)
    angles = [found[k] for k in ("yaw_deg", "pitch_deg", "roll_deg")]
    # The orders of turning differ (they only agree for one angle at a time), the signs do not.
    assert np.sign(angles).tolist() == np.sign([y, -x, z]).tolist()
    assert angles == pytest.approx([y, -x, z], abs=2.0)


# --- OSC and VMC

ARGUMENTS = st.lists(
    st.one_of(
        st.integers(-(2**31), 2**31 - 1),
        st.floats(width=32, allow_nan=False, allow_infinity=False, min_value=-(2.0**100), max_value=2.0**100),
        st.text(st.characters(codec="utf-8", exclude_characters="\0"), max_size=30),
    ),
    max_size=8,
)


@given(ARGUMENTS)
def test_messages_are_what_python_osc_reads(arguments: list[osc.Argument]) -> None:
    packet = osc.message("/a/b", *arguments)
    assert len(packet) % 4 == 0
    read = OscMessage(packet)
    assert read.address == "/a/b" and read.params == arguments
    assert osc.parse(packet) == [("/a/b", tuple(arguments))]


@given(st.lists(st.integers(0, 60), min_size=1, max_size=40), st.integers(120, 400))
def test_bundles_keep_order_and_limit(lengths: list[int], limit: int) -> None:
    messages = [osc.message("/m", i, "x" * n) for i, n in enumerate(lengths)]
    packets = osc.bundles(messages, limit)
    assert all(len(packet) <= limit for packet in packets)
    assert [m.params[0] for p in packets for m in OscBundle(p)] == list(range(len(lengths)))
    assert [m[1][0] for p in packets for m in osc.parse(p)] == list(range(len(lengths)))


def test_a_message_byte_by_byte() -> None:
    assert osc.message("/VMC/Ext/Blend/Val", "A", 0.5) == (b"/VMC/Ext/Blend/Val\0\0,sf\0A\0\0\0\x3f\x00\x00\x00")
    assert osc.bundles([osc.message("/t")])[0] == b"#bundle\0" + b"\0" * 7 + b"\1" + b"\0\0\0\x08" + b"/t\0\0,\0\0\0"


@given(st.binary(max_size=80))
def test_nonsense_is_a_sentence(noise: bytes) -> None:
    decoders = (osc.parse, opentrack.decode, openseeface.decode, livelink.decode, ifacialmocap.decode)
    for decode in decoders:
        for packet in (noise, b"#bundle\0" + noise, b"\6" + noise):
            try:
                decode(packet)
            except SourceError as error:
                assert str(error).endswith(".")


def heard(packets: list[bytes]) -> list[tuple[str, tuple[Any, ...]]]:
    return [(m.address, tuple(m.params)) for packet in packets for m in OscBundle(packet)]


def test_a_vmc_frame_has_the_documented_size_and_order() -> None:
    packets = vmc.encode(moment())
    assert len(packets) == 1
    messages = heard(packets)
    eyes = [m for m in messages if m[1][:1] in (("LeftEye",), ("RightEye",))]
    of_eyes = sum(4 + len(osc.message(address, *arguments)) for address, arguments in eyes)
    assert len(eyes) == 2 and len(packets[0]) - of_eyes == 2716
    names = [address.removeprefix("/VMC/Ext/") for address, _ in messages]
    assert names == ["OK", "T", "Root/Pos", *["Bone/Pos"] * 3, *["Blend/Val"] * 52, "Blend/Apply"]
    assert messages[0][1] == (1,) and messages[-1][1] == ()
    assert messages[2][1] == ("root", 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 1.0)  # the avatar stays where it stands
    assert all(m[1][1:4] == (0.0, 0.0, 0.0) for m in messages if m[0].endswith("Bone/Pos"))
    values = {m[1][0]: m[1][1] for m in messages if m[0].endswith("Val")}
    assert list(values) == [name[0].upper() + name[1:] for name in EXPRESSIONS]
    np.testing.assert_array_equal(list(values.values()), VALUES)


def test_the_vmc_head_turns_in_the_avatars_axes() -> None:
    messages = heard(vmc.encode(moment(0.0, 20.0, 0.0)))
    head = next(m[1] for m in messages if m[1][:1] == ("Head",))
    state_pose = quaternion(moment(0.0, 20.0, 0.0).faces[0].turn)
    assert head[1:4] == (0.0, 0.0, 0.0)
    assert head[4:] == pytest.approx((state_pose[0], -state_pose[1], -state_pose[2], state_pose[3]), abs=1e-6)
    assert head[4] < -0.1  # left-handed: a negative turn about x raises the nose


def test_vmc_off_host_is_split_and_applies_once_at_the_end() -> None:
    packets = vmc.encode(moment(), limit=1400)
    assert len(packets) > 1 and max(map(len, packets)) <= 1400
    assert heard(packets) == heard(vmc.encode(moment()))
    applied = [[m[0] for m in heard([packet])].count("/VMC/Ext/Blend/Apply") for packet in packets]
    assert applied == [0] * (len(packets) - 1) + [1]


@pytest.mark.parametrize(
    ("names", "some"),
    [("pascal", {"EyeBlinkLeft", "JawOpen", "MouthLeft"}), ("camel", {"eyeBlinkLeft", "jawOpen", "mouthLeft"}),
     ("underscore", {"eyeBlink_L", "jawOpen", "mouthLeft", "mouthSmile_R"}),
     ("vrm0", {"Neutral", "Joy", "Blink_L", "A"}), ("vrm1", {"neutral", "happy", "blinkLeft", "aa"})],
)  # fmt: skip
def test_vmc_names_can_be_chosen(names: str, some: set[str]) -> None:
    pairs = vmc.shapes_of(VALUES, names)
    assert some <= {name for name, _ in pairs}
    assert len({name for name, _ in pairs}) == len(pairs) == (17 if names.startswith("vrm") else 52)
    assert all(0.0 <= value <= 1.0 for _, value in pairs)


@given(st.lists(st.floats(0, 1), min_size=52, max_size=52))
def test_presets_stay_in_range(values: list[float]) -> None:
    assert all(0.0 <= v <= 1.0 for v in vmc.presets(np.array(values, np.float32)).values())


def test_presets_say_what_the_face_does() -> None:
    def of(**values: float) -> dict[str, float]:
        return vmc.presets(np.array([values.get(name, 0.0) for name in EXPRESSIONS], np.float32))

    assert of()["Neutral"] == 1.0 and sum(of().values()) == 1.0
    assert of(eyeBlinkLeft=1.0, eyeBlinkRight=1.0)["Blink"] == 1.0
    wink = of(eyeBlinkLeft=1.0)
    assert (wink["Blink_L"], wink["Blink_R"], wink["Blink"]) == (1.0, 0.0, 0.0)
    assert of(jawOpen=1.0)["A"] == 1.0 and of(mouthSmileLeft=1.0, mouthSmileRight=1.0)["Joy"] == 1.0


# --- Live Link Face


def test_a_live_link_packet_byte_by_byte() -> None:
    device = "6F0F0F0F-1111-2222-3333-444455556666"
    packet = livelink.encode(moment(), device, "Ann", Fraction(60))
    assert len(packet) == 306 + 3
    assert packet[:5].hex() == "0600000024" and packet[5:41].decode() == device
    assert packet[41:48] == b"\0\0\0\3Ann"
    assert packet[48:64] == struct.pack(">ifii", 120, np.float32(0.75), 60, 1)
    assert packet[64] == 61
    values = struct.unpack(">61f", packet[65:])
    np.testing.assert_array_equal(np.float32(values[:52]), VALUES)
    angles = moment().faces[0].angles
    np.testing.assert_allclose(np.degrees(values[52:55]), angles, atol=1e-3)
    assert livelink.decode(packet)["values"]["JawOpen"] == pytest.approx(VALUES[17])  # type: ignore[index]


@given(st.floats(0, 1e7), st.sampled_from([Fraction(60), Fraction(30000, 1001), Fraction(24)]))
def test_the_live_link_clock_keeps_its_sub_frame_below_one(time: float, rate: Fraction) -> None:
    packet = livelink.header(moment(time=time), "d", "s", rate)
    frame, part, numerator, denominator = struct.unpack(">ifii", packet[-16:])
    assert 0.0 <= part < 1.0 and Fraction(numerator, denominator) == rate
    assert (frame + part) / float(rate) == pytest.approx(time, rel=1e-6, abs=1e-6)


def test_a_live_link_header_alone_and_trailing_zeros_are_read() -> None:
    found = livelink.decode(livelink.header(moment(), "id", "Ann\0"))
    assert found["subject"] == "Ann" and found["values"] == {}
    assert livelink.device_id("Ann") == livelink.device_id("Ann") != livelink.device_id("Bob")
    assert len(livelink.device_id("Ann")) == 36


# --- iFacialMocap


@pytest.mark.parametrize(("version", "parting"), [("v1", "-"), ("v2", "&")])
def test_an_ifacialmocap_frame(version: str, parting: str) -> None:
    text = ifacialmocap.encode(moment(), version).decode("utf-8")
    assert text.endswith("|") and text.count("=") == 1
    records = text.split("|")[:-1]
    assert len(records) == 55
    assert records[0] == f"eyeBlink_L{parting}0" and records[51] == f"tongueOut{parting}100"
    assert records[15].startswith(f"jawLeft{parting}") and records[22].startswith(f"mouthRight{parting}")
    assert [r.split("#")[0] for r in records[52:]] == ["=head", "rightEye", "leftEye"]
    assert [len(r.split("#")[1].split(",")) for r in records[52:]] == [6, 3, 3]
    assert 700 < len(text) < 1400
    found = ifacialmocap.decode(text.encode())
    np.testing.assert_allclose(list(found["shapes"].values()), VALUES, atol=0.006)  # type: ignore[attr-defined]
    assert list(found["shapes"]) == list(EXPRESSIONS)  # type: ignore[call-overload]


def test_an_ifacialmocap_head_is_unitys_euler() -> None:
    head = ifacialmocap.decode(ifacialmocap.encode(moment(0.0, 20.0, 0.0)))["head"]
    assert head[0] == pytest.approx(-moment(0.0, 20.0, 0.0).faces[0].angles[1], abs=2.0)  # type: ignore[index]
    np.testing.assert_allclose(head[3:], moment().faces[0].shift, atol=1e-5)  # type: ignore[index]


def test_negative_numbers_survive_both_versions() -> None:
    for record in ("jawOpen--5|", "jawOpen&-5|"):
        assert ifacialmocap.decode(record.encode())["shapes"] == {"jawOpen": pytest.approx(-0.05)}


# --- OpenSeeFace

LAYOUT = struct.Struct("<d i 2f 2f B f 4f 3f 3f 68f 136f 210f 14f")


def test_openseeface_has_1785_bytes_a_face() -> None:
    assert LAYOUT.size == 1785
    packet = openseeface.encode(moment(faces=2))
    assert len(packet) == 2 * 1785
    for i in (0, 1):
        time, name, width, height, right, left, solved, error, *_ = LAYOUT.unpack_from(packet, 1785 * i)
        assert (time, name, width, height, solved, error) == (1.7e9, 3 + i, 640.0, 480.0, 1, 0.0)
        assert (right, left) == pytest.approx((1.0 - VALUES[7], 1.0 - VALUES[0]))
    assert len(openseeface.encode(moment(faces=40))) == 36 * 1785 <= 65507


def test_openseeface_points() -> None:
    now = moment()
    face = now.faces[0].face
    fields = LAYOUT.unpack(openseeface.encode(now))
    points = np.array(fields[86:222]).reshape(68, 2)
    sparse, dense = face.landmarks_px("ibug68"), face.landmarks_px("mediapipe478")
    np.testing.assert_allclose(points[:48], sparse[:48], atol=1e-3)
    np.testing.assert_allclose(points[[58, 62]], sparse[[48, 54]], atol=1e-3)  # outer corners of the mouth
    np.testing.assert_allclose(points[66:], dense[[468, 473]], atol=1e-3)  # right pupil first
    assert not (np.isclose(points[:, None], sparse[[60, 64]]).all(-1)).any()
    assert all(0.0 <= c <= 1.0 for c in fields[18:86])


TURNS = [(0.0, 0.0, 0.0), (25.0, 0.0, 0.0), (0.0, 15.0, 0.0), (0.0, 0.0, 20.0), (-20.0, -10.0, 5.0)]


@pytest.mark.parametrize("angles", TURNS)
def test_openseeface_pose_is_what_its_own_solver_finds(angles: tuple[float, float, float]) -> None:
    """Its points, rows for x, through OpenCV's solver from zeros, as its tracker.py calls it; a long lens, because it
    ends at the pose behind the camera, which agrees with the picture only where perspective is weak."""
    head = load_head()
    model = head.layouts["ibug68"].of(head.mean).astype(np.float64)
    turn, place = turn_of(*angles), np.array([0.0, 0.0, -2.0])
    seen = (np.diag([1.0, -1.0, -1.0]) @ (turn @ model.T + place[:, None])).T
    pixels = 2100.0 * seen[:, :2] / seen[:, 2:]
    some = [0, 1, 8, 15, 16, 27, 28, 29, 30, 31, 32, 33, 34, 35]
    points = ((model - model[30]) * (-1.0, 1.0, 1.0) / openseeface.UNIT_M)[some]
    camera = np.diag([2100.0, 2100.0, 1.0])
    found, vector, moved = cv2.solvePnP(
        points, pixels[some, ::-1], camera, np.zeros(4), useExtrinsicGuess=True, rvec=np.zeros((3, 1)),
        tvec=np.zeros((3, 1)), flags=cv2.SOLVEPNP_ITERATIVE,
    )  # fmt: skip
    assert found and moved[2, 0] < 0.0
    expected = cv2.Rodrigues(vector)[0]
    off = np.arccos(np.clip((np.trace(openseeface.working_rotation(turn).T @ expected) - 1.0) / 2.0, -1.0, 1.0))
    assert np.degrees(off) < 4.0
    assert moved[2, 0] == pytest.approx(-2.0 / openseeface.UNIT_M, rel=0.1)


@pytest.mark.parametrize("angles", TURNS[:4])
def test_openseeface_pose_as_its_receiver_reads_it(angles: tuple[float, float, float]) -> None:
    """OpenSee.cs: euler x -> -(x + 180), y -> -y, z -> z - 90. A straight face is zero, one angle moves one number."""
    now = moment()
    turned = replace(now, faces=(replace(now.faces[0], turn=turn_of(*angles)),))
    fields = LAYOUT.unpack(openseeface.encode(turned))
    x, y, z = fields[12:15]
    # Angles of -180 with y of 180 are the same turn; the receiver's quaternion does not mind.
    q = Rotation.from_euler("ZYX", [z, y, x], degrees=True)
    assert abs(np.dot(q.as_quat(), fields[8:12])) == pytest.approx(1.0, abs=1e-6)
    straight = Rotation.from_quat([np.sqrt(0.5), np.sqrt(0.5), 0.0, 0.0])  # the euler angles 180, 0, 90
    assert np.degrees((q * straight.inv()).magnitude()) == pytest.approx(max(np.abs(angles)), abs=0.02)


def test_openseeface_solid_points_and_eyeballs() -> None:
    now = moment()
    face = now.faces[0].face
    fields = LAYOUT.unpack(openseeface.encode(now))
    solid = np.array(fields[222:432]).reshape(70, 3) * (1.0, -1.0, -1.0)
    ours = face.landmarks_head("ibug68") - face.landmarks_head("ibug68")[30]
    np.testing.assert_allclose(
        solid[:66] * openseeface.UNIT_M, (ours * (-1, 1, 1))[list(openseeface.POINTS)], atol=1e-5
    )
    corners = np.linalg.norm(solid[36] - solid[39])
    assert (solid[36] + solid[39])[2] / 2 - solid[68][2] == pytest.approx(0.385 * corners, rel=1e-4)
    np.testing.assert_allclose(solid[69][:2], (solid[42] + solid[45])[:2] / 2, atol=1e-5)
    nose = face.pose.rotation @ face.landmarks_head("ibug68")[30] + face.pose.translation
    np.testing.assert_allclose(fields[15:18], -nose[[1, 0, 2]] / openseeface.UNIT_M, atol=1e-4)


def test_openseeface_features_have_their_signs() -> None:
    def of(**values: float) -> dict[str, float]:
        now = moment()
        shapes = np.array([values.get(name, 0.0) for name in EXPRESSIONS], np.float32)
        packet = openseeface.encode(replace(now, faces=(replace(now.faces[0], shapes=shapes),)))
        return openseeface.decode(packet)[0]["features"]  # type: ignore[return-value]

    assert all(v == 0.0 for v in of().values())
    assert of(eyeBlinkLeft=1.0)["eye_l"] == -1.0 and of(eyeBlinkLeft=1.0)["eye_r"] == 0.0
    assert of(browInnerUp=1.0, browOuterUpRight=1.0)["eyebrow_updown_r"] == 1.0
    assert of(mouthSmileLeft=1.0)["mouth_corner_updown_l"] == 1.0
    assert of(jawOpen=1.0)["mouth_open"] == 1.0 and of(mouthPucker=1.0)["mouth_wide"] == -1.0


# --- our own OSC, WebSocket, LSL


def test_generic_osc_names_every_face() -> None:
    now = moment(faces=2)
    messages = dict(heard(generic_osc.encode(now, "/mine")))
    assert len(messages) == 2 * (5 + 52)
    assert messages["/mine/4/state"] == (2,)
    np.testing.assert_allclose(messages["/mine/3/head/pos"], now.faces[0].shift, atol=1e-6)
    np.testing.assert_allclose(messages["/mine/3/head/quat"], quaternion(now.faces[0].turn), atol=1e-6)
    assert np.linalg.norm(messages["/mine/3/gaze/left"]) == pytest.approx(1.0, abs=1e-6)
    assert messages["/mine/3/shape/jawOpen"][0] == pytest.approx(VALUES[17])
    with pytest.raises(SettingsError, match="cannot begin"):
        generic_osc.codec(Stream(osc_prefix="/with blank"), 1400)


def test_a_websocket_frame() -> None:
    now = moment()
    frame = json.loads(websocket.encode(now, landmarks=True, dropped=7))
    assert (frame["type"], frame["i"], frame["t_ns"], frame["dropped"]) == ("frame", 61, 2_012_500_000, 7)
    (face,) = frame["faces"]
    assert (face["id"], face["state"]) == (3, 2) and len(face["lm"]) == 136
    np.testing.assert_allclose(face["shapes"], VALUES, atol=1e-4)
    np.testing.assert_allclose(face["head"]["q"], quaternion(now.faces[0].turn), atol=1e-6)
    np.testing.assert_allclose(np.reshape(face["lm"], (68, 2)), now.faces[0].face.landmarks_px(), atol=0.006)
    assert len(websocket.encode(now)) < 1500
    assert json.loads(websocket.encode(replace(now, faces=())))["faces"] == [{"id": None, "state": 4}]
    assert json.loads(websocket.hello())["names"] == list(EXPRESSIONS)


def test_an_lsl_sample_has_a_value_for_every_channel() -> None:
    now = moment()
    values = lsl.encode(now)
    labels = [label for label, _, _ in lsl.CHANNELS]
    assert len(values) == len(labels) == len(set(labels)) == 65
    at = dict(zip(labels, values, strict=True))
    assert at["head_z"] == now.faces[0].shift[2] and at["jawOpen"] == pytest.approx(VALUES[17])
