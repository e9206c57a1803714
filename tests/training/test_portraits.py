"""Persons of a pack, seen from several sides."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from tracker.errors import SourceError
from tracker.training.portraits import acquaintances, portraits, shown

RANDOM = np.random.default_rng(4)


def test_edges_that_were_repeated_are_cut_off() -> None:
    picture = RANDOM.integers(0, 255, (60, 60, 3), dtype=np.uint8)
    padded = np.pad(picture, ((9, 4), (0, 7), (0, 0)), mode="edge")
    kept, corner = shown(padded)
    # The one of the repeated rows that is the picture's own goes too: compression has mixed it with the others.
    assert corner.tolist() == [0, 10]
    assert np.array_equal(kept, picture[1:-1, :-1])


def test_a_missing_pack_is_named(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match="ytf"):
        portraits(tmp_path)
    with pytest.raises(SourceError, match="frl"):
        acquaintances(tmp_path)


def test_persons_are_those_of_several_pictures_and_of_one_video(tmp_path: Path) -> None:
    names = {
        "frl": ["frl/neutral_front/001_03", "frl/smiling_front/001_08", "frl/neutral_front/002_03"],
        "ytf": [f"ytf/training/A_B_{video}" for video in ("00", "10", "11", "12", "20", "21")] + ["ytf/test/C_00"],
        "lfw": ["lfw/D_E_0001", "lfw/D_E_0007", "lfw/F_0001", *(f"lfw/G_{i:04}" for i in range(8))],
    }
    for pack, paths in names.items():
        write(tmp_path / f"{pack}.parquet", paths)
    found = {(p.source, p.name): [name for name, _, _ in p.pictures] for p in acquaintances(tmp_path)}
    assert found == {
        ("frl", "001"): ["001_03", "001_08"],
        ("ytf", "A_B"): ["A_B_10", "A_B_11", "A_B_12"],
        ("lfw", "D_E"): ["D_E_0001", "D_E_0007"],
        ("lfw", "G"): [f"G_{i:04}" for i in range(5)],
    }
    (person,) = acquaintances(tmp_path, ("ytf",), one_video=False)
    assert [name for name, _, _ in person.pictures] == ["A_B_00", "A_B_10", "A_B_11", "A_B_12", "A_B_20"]


def write(path: Path, names: list[str]) -> None:
    """A pack of noise; its boxes come from the teacher's 68 points, in a pack of their own."""
    blob = cv2.imencode(".png", RANDOM.integers(0, 255, (40, 40, 3), dtype=np.uint8))[1].tobytes()
    pack = pa.table({"name": names, "image": [blob] * len(names), "mediapipe_spread": [0.5] * len(names)})
    pq.write_table(pack.replace_schema_metadata({"blendshape_names": "[]"}), path)
    points = RANDOM.uniform(10, 30, 204).tolist()
    labels = {"pack": [path.stem] * len(names), "name": names, "pts68": [points] * len(names)}
    teacher = path.with_name("tddfa68.parquet")
    tables = [pq.read_table(teacher)] if teacher.is_file() else []
    pq.write_table(pa.concat_tables([*tables, pa.table(labels)]), teacher)
