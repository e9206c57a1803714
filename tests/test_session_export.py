"""Every export of a session, opened by a reader that is not ours, rows and values compared."""

from __future__ import annotations

import csv
import json
import re
import shutil
from dataclasses import replace
from pathlib import Path

import h5py
import numpy as np
import pyarrow.parquet as pq
import pytest
from pygltflib import GLTF2
from scipy.spatial.transform import Rotation
from synthetic import BASIS, BLANK
from test_replay import COUNT, LOST, record, stage

from tracker.cli import main
from tracker.errors import OutputError, SettingsError, SourceError
from tracker.head import EXPRESSIONS, load_head, moving
from tracker.session.columns import CSV_HEADER
from tracker.session.corrections import Correction, Layer, save_corrections
from tracker.session.export import EXPORTS, Cancelled, Choices, bids, export, export_all
from tracker.session.export.livelink_csv import timecode
from tracker.session.replay import Session, open_session
from tracker.types import FACING, Frame, Tracked, TrackResult

MARKERS = {
    "schema": "stillpoint.markers", "schema_version": {"major": 1, "minor": 0}, "tracks": [],
    "items": [{"id": "a", "track": "speech", "t0_ns": 500_000_000, "t1_ns": 1_000_000_000, "label": "one"}],
}  # fmt: skip


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    made = record(tmp_path_factory.mktemp("session") / "one", stage())
    (made / "markers.json").write_text(json.dumps(MARKERS))
    about = json.loads((made / "session.json").read_text())
    about["started_utc"] = "2026-03-01T12:21:59.500000+00:00"
    (made / "session.json").write_text(json.dumps(about))
    return made


@pytest.fixture(scope="module")
def session(folder: Path) -> Session:
    return open_session(folder)


def table_of(path: Path, delimiter: str = ",") -> list[dict[str, str]]:
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file, delimiter=delimiter))


def test_plain_csv_is_the_recordings_own(session: Session, tmp_path: Path) -> None:
    shares: list[float] = []
    export(session, "csv", tmp_path / "a" / "frames.csv", shares.append)
    rows, own = table_of(tmp_path / "a" / "frames.csv"), table_of(session.folder / "frames.csv")
    assert tuple(rows[0]) == CSV_HEADER and len(rows) == session.rows
    assert shares[-1] == 1.0 and shares == sorted(shares)
    for row, mine in zip(rows, own, strict=True):
        for name in ("frame_index", "state", "time_s"):
            assert row[name] == mine[name]
        for name in ("face_id", "stable_x30", "raw_y5", "jawOpen", "stable_yaw_deg"):
            assert (row[name] == "") == (mine[name] == "")
            assert row[name] == "" or float(row[name]) == pytest.approx(float(mine[name]), abs=1.1e-3)


def test_openface_columns_are_a_subset_in_its_order(session: Session, tmp_path: Path) -> None:
    export(session, "openface", tmp_path / "of.csv")
    rows = table_of(tmp_path / "of.csv")
    names = list(rows[0])
    assert names[:5] == ["frame", "face_id", "timestamp", "confidence", "success"]
    assert len(names) == 5 + 8 + 6 + 136 and len(rows) == session.rows
    assert not [name for name in names if re.match(r"p_|AU|eye_lmk", name)]
    assert rows[0]["frame"] == "1"
    lost = rows[LOST.start]
    assert lost["success"] == "0" and set(list(lost.values())[5:]) == {""}
    pose = session.take().poses[5]
    assert pose is not None
    row = rows[5]
    place = [float(row[f"pose_T{axis}"]) for axis in "xyz"]
    np.testing.assert_allclose(place, pose.translation * 1000, atol=1e-3)
    # Its convention: R = Rx Ry Rz, the identity where the face looks straight in.
    angles = [float(row[f"pose_R{axis}"]) for axis in "xyz"]
    again = Rotation.from_euler("XYZ", angles).as_matrix()
    np.testing.assert_allclose(again, pose.rotation @ FACING, atol=2e-4)
    points = [[float(row[f"{axis}_{i}"]) for axis in "xy"] for i in range(68)]
    np.testing.assert_allclose(points, session.values("ibug68")[5].reshape(68, 2), atol=6e-3)
    for eye in (0, 1):
        assert np.linalg.norm([float(row[f"gaze_{eye}_{axis}"]) for axis in "xyz"]) == pytest.approx(1.0, abs=1e-5)


def test_openface_has_points_in_space_where_the_model_is_there(session: Session, tmp_path: Path) -> None:
    export(replace(session, basis=BASIS), "openface", tmp_path / "of.csv")
    row = table_of(tmp_path / "of.csv")[5]
    solid = np.array([[float(row[f"{axis}_{i}"]) for axis in "XYZ"] for i in range(68)])
    state = session.state(5)
    assert state is not None and len(row) == 5 + 8 + 6 + 136 + 204
    head = BASIS.points(state, "ibug68") @ state.pose.rotation.T + state.pose.translation
    np.testing.assert_allclose(solid, head * 1000, atol=0.06)


def test_gaze_of_openface_starts_with_the_eye_on_the_left_of_the_image(session: Session, tmp_path: Path) -> None:
    """A face that looks straight in and whose right eye alone looks out: eye 0 looks to image left."""
    from synthetic import make_face, make_state

    shapes = np.zeros(52, np.float32)
    shapes[EXPRESSIONS.index("eyeLookOutRight")] = 1.0
    face = make_face(replace(make_state((320.0, 240.0)), expression=shapes), 1)
    result = TrackResult(Frame(BLANK, 0.0, 0), (face,))
    one = open_session(record(tmp_path / "s", [Tracked(result, result)]))
    export(one, "openface", tmp_path / "of.csv")
    row = table_of(tmp_path / "of.csv")[0]
    assert float(row["gaze_0_x"]) == pytest.approx(-np.sin(np.radians(32)), abs=1e-3)
    assert float(row["gaze_1_x"]) == pytest.approx(0.0, abs=1e-3) and float(row["gaze_1_z"]) == pytest.approx(
        -1, abs=1e-3
    )
    assert float(row["gaze_angle_x"]) < -0.2


def test_live_link_csv(session: Session, tmp_path: Path) -> None:
    export(session, "livelink", tmp_path / "ll.csv")
    rows = table_of(tmp_path / "ll.csv")
    names = list(rows[0])
    assert names[:2] == ["Timecode", "BlendShapeCount"] and len(names) == 63
    assert names[2 + 15 : 2 + 17] == ["JawRight", "JawLeft"] and names[2 + 21 : 2 + 23] == ["MouthRight", "MouthLeft"]
    assert len(rows) == COUNT and {row["BlendShapeCount"] for row in rows} == {"61"}
    assert rows[0]["Timecode"] == "12:21:59:15.000" and rows[15]["Timecode"].startswith("12:22:00:00")
    values, poses = session.values("blendshapes"), session.take().poses
    for index in (0, 10, 35):
        row, pose = rows[index], poses[index]
        assert pose is not None
        for i, name in enumerate(EXPRESSIONS):
            assert float(row[name[0].upper() + name[1:]]) == pytest.approx(values[index][i], abs=1e-7)
        assert float(row["HeadYaw"]) == pytest.approx(np.radians(pose.yaw_deg), abs=1e-6)
    assert {rows[LOST.start][name] for name in names[2:]} == {""}


@pytest.mark.parametrize(("seconds", "code"), [(0.0, "00:00:00:00.000"), (86399.5, "23:59:59:30.000"),
                                               (3661.025, "01:01:01:01.500"),
                                               (86400.0, "00:00:00:00.000")])  # fmt: skip
def test_timecodes(seconds: float, code: str) -> None:
    assert timecode(seconds, 60.0) == code


def bvh_of(path: Path) -> tuple[dict[str, tuple[np.ndarray, str | None]], list[tuple[str, str]], np.ndarray, float]:
    """Joints with offset and parent, channels in order, motion, frame time: from the format's description."""
    tokens = path.read_text().split()
    joints: dict[str, tuple[np.ndarray, str | None]] = {}
    channels: list[tuple[str, str]] = []
    stack: list[str] = []
    i = tokens.index("HIERARCHY") + 1
    while tokens[i] != "MOTION":
        word = tokens[i]
        if word in ("ROOT", "JOINT", "End"):
            name = tokens[i + 1] if word != "End" else f"{stack[-1]}/end"
            joints[name] = (np.zeros(3), stack[-1] if stack else None)
            stack.append(name)
            i += 3
        elif word == "OFFSET":
            joints[stack[-1]] = (np.array(tokens[i + 1 : i + 4], float), joints[stack[-1]][1])
            i += 4
        elif word == "CHANNELS":
            count = int(tokens[i + 1])
            channels += [(stack[-1], kind) for kind in tokens[i + 2 : i + 2 + count]]
            i += 2 + count
        else:
            assert word == "}"
            stack.pop()
            i += 1
    assert not stack and tokens[i + 1] == "Frames:" and tokens[i + 3 : i + 5] == ["Frame", "Time:"]
    count, step = int(tokens[i + 2]), float(tokens[i + 5])
    return joints, channels, np.array(tokens[i + 6 :], float).reshape(count, len(channels)), step


def world(path: Path, row: int, joint: str) -> tuple[np.ndarray, np.ndarray]:
    """Place and turn of a joint: channels applied in their order, from the root down."""
    joints, channels, motion, _ = bvh_of(path)
    chain = [joint]
    while (parent := joints[chain[-1]][1]) is not None:
        chain.append(parent)
    place, turn = np.zeros(3), np.eye(3)
    for name in reversed(chain):
        place = place + turn @ (joints[name][0] if joints[name][1] is not None else np.zeros(3))
        for (owner, kind), value in zip(channels, motion[row], strict=True):
            if owner == name and kind.endswith("position"):
                place = place + turn @ (np.eye(3)["XYZ".index(kind[0])] * value)
            elif owner == name:
                turn = turn @ Rotation.from_euler(kind[0].lower(), value, degrees=True).as_matrix()
    return place, turn


def test_bvh_moves_the_head_as_it_was(session: Session, tmp_path: Path) -> None:
    path = tmp_path / "head.bvh"
    export(session, "bvh", path)
    joints, channels, motion, step = bvh_of(path)
    assert [name for name in joints if "/" not in name] == ["Hips", "Spine", "Neck", "Head", "LeftEye", "RightEye"]
    assert len(channels) == 6 + 5 * 3 and motion.shape == (COUNT, 21) and step == pytest.approx(1 / 30, abs=1e-8)
    poses = session.take().poses
    facing = FACING.astype(float)
    first = poses[0]
    assert first is not None
    middle = [(world(path, 0, "LeftEye")[0] + world(path, 0, "RightEye")[0]) / 2]
    for index in (0, 7, 45):
        pose = poses[index]
        assert pose is not None
        _, turn = world(path, index, "Head")
        np.testing.assert_allclose(turn, facing @ pose.rotation, atol=2e-4)
        between = (world(path, index, "LeftEye")[0] + world(path, index, "RightEye")[0]) / 2
        moved = 100.0 * (facing @ (pose.translation - first.translation))
        np.testing.assert_allclose(between - middle[0], moved, atol=2e-2)
    np.testing.assert_array_equal(motion[LOST.start : LOST.stop - 1], motion[LOST.start - 1][None].repeat(9, 0))
    shapes = table_of(tmp_path / "head.shapes.csv")
    assert len(shapes) == COUNT and list(shapes[0]) == list(EXPRESSIONS)
    about = json.loads((tmp_path / "head.json").read_text())
    assert about["frames_without_face"] == len(LOST) and about["resampled_hz"] == 30.0


def test_bvh_at_another_rate(session: Session, tmp_path: Path) -> None:
    export(session, "bvh", tmp_path / "head.bvh", rate=120.0)
    _, _, motion, step = bvh_of(tmp_path / "head.bvh")
    assert len(motion) == 4 * (COUNT - 1) + 1 and step == pytest.approx(1 / 120, abs=1e-8)
    _, _, plain, _ = (export(session, "bvh", tmp_path / "b.bvh"), bvh_of(tmp_path / "b.bvh"))[1]
    np.testing.assert_allclose(motion[::4], plain, atol=2e-4)


def test_gltf_is_read_back_by_pygltflib(session: Session, tmp_path: Path) -> None:
    export(session, "gltf", tmp_path / "head.glb")
    data = (tmp_path / "head.glb").read_bytes()
    assert data[:4] == b"glTF" and int.from_bytes(data[8:12], "little") == len(data)
    gltf = GLTF2().load_binary(str(tmp_path / "head.glb"))
    blob = gltf.binary_blob()

    def values(index: int) -> np.ndarray:
        accessor = gltf.accessors[index]
        view = gltf.bufferViews[accessor.bufferView]
        kind = {5126: "<f4", 5123: "<u2", 5121: "u1"}[accessor.componentType]
        width = {"SCALAR": 1, "VEC3": 3, "VEC4": 4}[accessor.type]
        raw = blob[view.byteOffset : view.byteOffset + view.byteLength]
        assert view.byteOffset % 4 == 0 and len(raw) == accessor.count * width * np.dtype(kind).itemsize
        found = np.frombuffer(raw, kind).reshape(accessor.count, width)
        if accessor.min:
            np.testing.assert_allclose(found.min(0), accessor.min, rtol=1e-6)
            np.testing.assert_allclose(found.max(0), accessor.max, rtol=1e-6)
        return found

    head, (mesh,) = load_head(), gltf.meshes
    (primitive,) = mesh.primitives
    assert mesh.extras["targetNames"] == list(EXPRESSIONS) and len(primitive.targets) == len(mesh.weights) == 52
    identity = np.nanmedian(session.take().values("identity"), axis=0)
    expected = head.mean + np.tensordot(identity, head.identity, 1)
    np.testing.assert_allclose(values(primitive.attributes.POSITION), expected, atol=1e-6)
    np.testing.assert_array_equal(values(primitive.indices).reshape(-1, 3), head.tri)
    np.testing.assert_allclose(values(primitive.targets[17]["POSITION"]), head.expression[17], atol=1e-7)
    assert all(len(gltf.accessors[target["POSITION"]].min) == 3 for target in primitive.targets)

    (animation,) = gltf.animations
    channels = {channel.target.path: animation.samplers[channel.sampler] for channel in animation.channels}
    assert set(channels) == {"translation", "rotation", "weights"}
    time = values(channels["weights"].input)[:, 0]
    assert len(time) == COUNT and (np.diff(time) > 0).all() and time[0] == 0.0
    weights = values(channels["weights"].output).reshape(COUNT, 52)
    turns, places = values(channels["rotation"].output), values(channels["translation"].output)
    take = session.take()
    found = take.found
    wanted = moving(np.clip(take.values("blendshapes")[found], 0, 1))  # as the head itself is moved
    np.testing.assert_allclose(weights[found], wanted, atol=1e-6)
    np.testing.assert_array_equal(weights[LOST.start : LOST.stop], weights[LOST.start - 1][None].repeat(len(LOST), 0))
    np.testing.assert_allclose(np.linalg.norm(turns, axis=1), 1.0, atol=1e-6)
    assert (np.sum(turns[1:] * turns[:-1], axis=1) > 0).all()
    facing = FACING.astype(float)
    for index in (0, 12, 50):
        pose = take.poses[index]
        assert pose is not None
        np.testing.assert_allclose(Rotation.from_quat(turns[index]).as_matrix(), facing @ pose.rotation, atol=1e-5)
        np.testing.assert_allclose(places[index], facing @ pose.translation, atol=1e-6)
    camera = gltf.cameras[0].perspective
    assert camera.yfov == pytest.approx(2 * np.arctan(24 / 500)) and camera.aspectRatio == pytest.approx(64 / 48)


def test_gltf_projects_to_where_the_face_was(session: Session, tmp_path: Path) -> None:
    """The node's transform and the camera's optics bring the head's origin to the recorded centre."""
    export(session, "gltf", tmp_path / "head.glb")
    gltf = GLTF2().load_binary(str(tmp_path / "head.glb"))
    sampler = gltf.animations[0].samplers[0]
    view = gltf.bufferViews[gltf.accessors[sampler.output].bufferView]
    places = np.frombuffer(gltf.binary_blob()[view.byteOffset :][: view.byteLength], "<f4").reshape(-1, 3)
    state = session.state(3)
    assert state is not None
    x, y, z = places[3]
    seen = (state.camera.cx - state.camera.focal * x / z, state.camera.cy + state.camera.focal * y / z)
    assert z < 0 and seen == pytest.approx(tuple(state.centre), abs=1e-2)


def test_bids(session: Session, tmp_path: Path) -> None:
    export(session, "bids", tmp_path / "data", subject="07", task="smile")
    export(session, "bids", tmp_path / "data", subject="07", task="smile")  # again: the list of scans has it once
    folder = tmp_path / "data" / "sub-07" / "motion"
    stem = "sub-07_task-smile_tracksys-stillpoint"
    assert {path.name for path in folder.iterdir()} == {
        f"{stem}_{name}" for name in ("motion.tsv", "motion.json", "channels.tsv", "channels.json", "events.tsv")
    }
    channels = table_of(folder / f"{stem}_channels.tsv", "\t")
    assert list(channels[0])[:5] == ["name", "component", "type", "tracked_point", "units"]
    rows = [line.split("\t") for line in (folder / f"{stem}_motion.tsv").read_text().splitlines()]
    assert len(rows) == COUNT and {len(row) for row in rows} == {len(channels)}  # no header
    assert {c["type"] for c in channels} == {"LATENCY", "POS", "ORNT", "MISC"}
    assert {c["component"] for c in channels} == {"x", "y", "z", "n/a", *(f"quat_{a}" for a in "xyzw")}
    assert len({c["name"] for c in channels}) == len(channels)
    named = {c["name"]: i for i, c in enumerate(channels)}
    pose = session.take().poses[5]
    assert pose is not None
    place = [float(rows[5][named[f"head_{a}"]]) for a in "xyz"]
    np.testing.assert_allclose(place, pose.translation * 1000, atol=1e-3)
    turn = Rotation.from_quat([float(rows[5][named[f"head_quat_{a}"]]) for a in "xyzw"]).as_matrix()
    np.testing.assert_allclose(turn, pose.rotation @ FACING, atol=1e-4)
    assert set(rows[LOST.start][1:]) == {"n/a"} and float(rows[LOST.start][0]) == pytest.approx(20 / 30, abs=1e-6)
    about = json.loads((folder / f"{stem}_motion.json").read_text())
    assert about["TaskName"] == "smile" and about["SamplingFrequency"] == 30.0
    kinds = [c["type"] for c in channels]
    for kind, key in (("POS", "POS"), ("ORNT", "ORNT"), ("LATENCY", "LATENCY"), ("MISC", "Misc")):
        assert about[f"{key}ChannelCount"] == kinds.count(kind)
    frames = json.loads((folder / f"{stem}_channels.json").read_text())["reference_frame"]["Levels"]
    assert {c["reference_frame"] for c in channels} - {"n/a"} == set(frames) and frames["camera"][
        "SpatialAxes"
    ] == "LIP"
    events = table_of(folder / f"{stem}_events.tsv", "\t")
    assert events[0]["onset"] == "0.500000" and events[0]["trial_type"] == "one"
    scans = table_of(tmp_path / "data" / "sub-07" / "sub-07_scans.tsv", "\t")
    assert scans == [{"filename": f"motion/{stem}_motion.tsv", "acq_time": "2026-03-01T12:21:59.500000Z"}]
    assert json.loads((tmp_path / "data" / "dataset_description.json").read_text())["BIDSVersion"]
    with pytest.raises(SettingsError, match="letters and digits"):
        export(session, "bids", tmp_path / "data", subject="a/b")
    assert len(bids.CHANNELS) == len(channels)


def test_markers_are_exported(session: Session, tmp_path: Path) -> None:
    for kind in ("audacity", "elan", "events", "markers"):
        export(session, kind, tmp_path / EXPORTS[kind].name)
    assert (tmp_path / "markers.txt").read_text() == "0.500000\t1.000000\tone\n"
    assert table_of(tmp_path / "markers.csv")[0]["t1_s"] == "1.000000000"
    assert "<ANNOTATION_VALUE>one<" in (tmp_path / "markers.eaf").read_text()
    assert table_of(tmp_path / "events.tsv", "\t")[0]["duration"] == "0.500000"


def test_raw_values_can_be_exported(session: Session, tmp_path: Path) -> None:
    for which in ("raw", "stable"):
        export(session.showing(which), "livelink", tmp_path / f"{which}.csv")  # type: ignore[arg-type]
    yaws = {which: float(table_of(tmp_path / f"{which}.csv")[9]["HeadYaw"]) for which in ("raw", "stable")}
    assert yaws["raw"] != yaws["stable"]
    for which, yaw in yaws.items():
        pose = session.showing(which).take().poses[9]  # type: ignore[arg-type]
        assert pose is not None and yaw == pytest.approx(np.radians(pose.yaw_deg), abs=1e-6)


def test_the_other_face_can_be_chosen(session: Session, tmp_path: Path) -> None:
    export(session, "livelink", tmp_path / "two.csv", face=2)
    rows = table_of(tmp_path / "two.csv")
    assert [i for i, row in enumerate(rows) if row["HeadYaw"]] == list(range(40, COUNT))
    with pytest.raises(SourceError, match="no face 5"):
        export(session, "bvh", tmp_path / "five.bvh", face=5)


def test_sleap_tracks_are_the_landmarks(session: Session, tmp_path: Path) -> None:
    export(session, "sleap", tmp_path / "s.h5")
    with h5py.File(tmp_path / "s.h5") as file:
        names = {"tracks", "track_occupancy", "point_scores", "instance_scores", "tracking_scores", "track_names"}
        names |= {"node_names", "edge_names", "edge_inds", "labels_path", "video_path", "video_ind", "provenance"}
        assert set(file) == names
        assert [name.decode() for name in file["track_names"]] == ["face_1", "face_2"]
        assert file["tracks"].shape == (2, 2, 68, COUNT) and file["tracks"].dtype == np.float64
        assert file["tracks"].compression == "gzip"
        taken, occupied = file["tracks"][:].T, file["track_occupancy"][:]  # frames, nodes, x and y, tracks
        for track, face in enumerate((1, 2)):
            take = session.take(face)
            np.testing.assert_array_equal(occupied[:, track] == 1, take.found)
            points = np.stack([taken[:, :, axis, track] for axis in range(2)], -1)
            np.testing.assert_array_equal(points, take.values("ibug68").reshape(COUNT, 68, 2))
        scores = file["point_scores"][:]
        assert scores.shape == (2, 68, COUNT) and 0 < np.nanmin(scores) <= np.nanmax(scores) <= 1
        np.testing.assert_allclose(file["instance_scores"][0, :5], 0.95, rtol=1e-6)
        nodes = [name.decode() for name in file["node_names"]]
        joined = [(nodes[a], nodes[b]) for a, b in file["edge_inds"][:]]
        assert [tuple(name.decode() for name in pair) for pair in file["edge_names"][:]] == joined
        assert ("lm0", "lm1") in joined and ("lm41", "lm36") in joined and len(joined) == 63
        assert json.loads(file["provenance"][()])["values"] == "stable"


def test_corrections_are_in_what_is_exported(folder: Path, tmp_path: Path) -> None:
    """A landmark that was moved is moved in every format that has landmarks; the table that was recorded stays."""
    mine = tmp_path / "copy"
    shutil.copytree(folder, mine)
    save_corrections(mine, Layer().put(Correction(3, 0.1, 1, "ibug68", 30, 12.5, 6.25, was=(10.0, 5.0))))
    before = (mine / "frames.parquet").read_bytes()
    kinds = ["csv", "parquet", "openface", "sleap", "bids"]
    for choices, out in ((Choices(), tmp_path / "with"), (Choices(corrections=False), tmp_path / "without")):
        export_all(open_session(mine), kinds, out, choices)
    assert (mine / "frames.parquet").read_bytes() == before

    def found(out: Path) -> list[tuple[float, float]]:
        plain, face = table_of(out / "frames.csv")[3], table_of(out / "openface.csv")[3]
        table = pq.read_table(out / "frames.parquet")["stable_ibug68"][3].as_py()
        with h5py.File(out / "sleap.h5") as file:
            sleap = tuple(file["tracks"][0, :, 30, 3])
        (motion,) = (out / "bids").glob("sub-01/motion/*_motion.tsv")
        line = motion.read_text().splitlines()[3].split("\t")
        at = [channel.name for channel in bids.CHANNELS].index("lm30_x")
        pairs = [(plain["stable_x30"], plain["stable_y30"]), (face["x_30"], face["y_30"]), table[60:62], sleap]
        return [(float(x), float(y)) for x, y in [*pairs, line[at : at + 2]]]

    np.testing.assert_allclose(found(tmp_path / "with"), [(12.5, 6.25)] * 5, atol=1e-3)
    was = open_session(mine).column("stable_ibug68")[3, 60:62]
    np.testing.assert_allclose(found(tmp_path / "without"), [was] * 5, atol=6e-3)
    moved, kept = (pq.read_table(tmp_path / out / "frames.parquet") for out in ("with", "without"))
    assert kept.equals(pq.read_table(mine / "frames.parquet")) and moved.schema.equals(kept.schema)
    differ = [name for name in kept.column_names if not moved[name].equals(kept[name])]
    assert differ == ["raw_ibug68", "stable_ibug68"]


@pytest.mark.parametrize("kind", ["csv", "sleap", "bvh", "gltf", "report"])
def test_an_export_can_be_cancelled_and_leaves_nothing(kind: str, session: Session, tmp_path: Path) -> None:
    def stop(kind: str, share: float) -> None:
        raise Cancelled

    with pytest.raises(Cancelled):
        export_all(session, [kind], tmp_path / "out", progress=stop)
    assert list((tmp_path / "out").iterdir()) == []


@pytest.mark.parametrize("kind", ["bvh", "gltf", "sleap"])
def test_without_a_face_there_is_nothing_to_animate(kind: str, tmp_path: Path) -> None:
    frames = [Tracked(result, result) for result in (TrackResult(Frame(BLANK, i / 30, i), ()) for i in range(5))]
    session = open_session(record(tmp_path / "none", frames))
    with pytest.raises(OutputError, match="has no face"):
        export(session, kind, tmp_path / "out")
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("kind", ["csv", "openface", "livelink", "bids"])
def test_without_a_face_tables_have_their_rows(kind: str, tmp_path: Path) -> None:
    frames = [Tracked(result, result) for result in (TrackResult(Frame(BLANK, i / 30, i), ()) for i in range(5))]
    session = open_session(record(tmp_path / "none", frames))
    export(session, kind, tmp_path / "out")
    path = tmp_path / "out"
    if kind == "bids":
        (path,) = path.glob("sub-01/motion/*_motion.tsv")
    assert len(path.read_text().splitlines()) == 5 + (kind != "bids")


def test_a_target_that_cannot_be_written_is_a_sentence(session: Session, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(OutputError, match="cannot be written"):
        export(session, "csv", tmp_path / "file" / "frames.csv")
    with pytest.raises(SettingsError, match="no format 'fbx'"):
        export(session, "fbx", tmp_path / "x")


def run(*tokens: str) -> int:
    with pytest.raises(SystemExit) as end:
        main(tokens)
    return int(end.value.code or 0)


def test_the_command_writes_every_format(folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = tmp_path / "out"
    assert run("export-session", str(folder), "--to", "all", "--out", str(out)) == 0
    wanted = {kind.name for name, kind in EXPORTS.items() if name not in ("overlay", "stills")}
    assert wanted <= {path.name for path in out.iterdir()}
    assert not list(out.rglob("*.tmp"))
    capsys.readouterr()
    assert run("export-session", str(folder), "--to", "csv", "--out", str(out)) == 2
    assert "--overwrite" in capsys.readouterr().err
    assert run("export-session", str(folder), "--to", "csv", "bvh", "--raw", "--out", str(out), "--overwrite") == 0


@pytest.mark.parametrize(
    ("tokens", "says"), [((), "--to"), (("--to", "fbx"), "gltf"), (("--to", "bvh", "--face", "9"), "no face 9")]
)
def test_bad_input_of_the_command(
    tokens: tuple[str, ...], says: str, folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run("export-session", str(folder), *tokens, "--out", str(tmp_path / "x")) == 2
    told = capsys.readouterr().err
    assert says in told and "Traceback" not in told
    assert run("export-session", str(tmp_path), "--to", "csv") == 2
    assert "is no session" in capsys.readouterr().err
