"""Fits of the head model to labels whose heads are known."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("torch")

from tracker.errors import SourceError
from tracker.head import EXPRESSIONS, load_head
from tracker.training.lift import READ, Fits, fit_rows, lift, set_offsets
from tracker.training.lift_points import LiftPoints, lift_points, settled, symmetric
from tracker.training.lift_report import write_report
from tracker.training.lift_solve import Recipe
from tracker.training.lift_table import load_lifted, taught, write_lifted
from tracker.training.packs import SLICES, TOTAL, Rows
from tracker.types import rotation_from_angles

COUNT = 12


@pytest.fixture(scope="module")
def table() -> LiftPoints:
    return lift_points(load_head(), mesh_points=40)


@pytest.fixture(scope="module")
def heads(table: LiftPoints) -> tuple[Rows, Fits]:
    """Faces at yaws from -70 to 70 degrees as every set would label them, half a pixel of noise; and their truth."""
    random = np.random.default_rng(4)
    yaws = np.linspace(-70, 70, COUNT)
    rotation = np.stack([rotation_from_angles(y, *random.uniform(-15, 15, 2)) for y in yaws])
    expression = np.zeros((COUNT, 52), np.float32)
    expression[::2, EXPRESSIONS.index("jawOpen")] = 0.6
    truth = Fits(
        rotation=rotation,
        centre=random.uniform(55, 65, (COUNT, 2)).astype(np.float32),
        scale=random.uniform(600, 800, COUNT).astype(np.float32),
        nearness=np.full(COUNT, 0.1, np.float32),
        identity=(0.7 * random.normal(size=(COUNT, 40))).astype(np.float32),
        expression=expression,
        inlier=np.zeros(0, np.float32),
        residual=np.zeros(0, np.float32),
    )
    drawn = truth.points(table, slice(0, len(table.columns)))
    points, weights = np.zeros((COUNT, TOTAL, 2), np.float32), np.zeros((COUNT, TOTAL), np.float32)
    points[:, table.columns] = drawn[..., :2] + 0.5 * random.normal(size=drawn[..., :2].shape)
    for name in READ:
        weights[:, table.columns[table.place[name]]] = 1.0
    part = drawn[:, table.place["tddfa68"]]
    rows = Rows(
        images=[np.full((120, 120, 3), 90, np.uint8)] * COUNT,
        points=points,
        weights=weights,
        depth=part[..., 2] + 40,  # a depth's zero is arbitrary
        rotation=rotation @ rotation_from_angles(9.0, 6.0, 0.0).T @ np.diag([1.0, -1, -1]).astype(np.float32),
        box=np.concatenate([part[..., :2].min(1), part[..., :2].max(1)], 1),
        blend=np.full((COUNT, 52), np.nan, np.float32),
        yaw=yaws.astype(np.float32),
        pack=np.full(COUNT, "aflw"),
        name=np.array([f"face{i}" for i in range(COUNT)]),
        held_out=np.zeros(COUNT, bool),
        merl_test=np.zeros(COUNT, bool),
        visibility=np.full((COUNT, 68), 2, np.int8),
        angles=np.full((COUNT, 3), np.nan, np.float32),
    )
    return rows, truth


def between(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    trace = np.einsum("nji,nji->n", a.astype(float), b.astype(float))
    return np.degrees(np.arccos(np.clip((trace - 1) / 2, -1, 1)))


def test_a_head_is_found_again_from_noisy_labels(heads: tuple[Rows, Fits], table: LiftPoints) -> None:
    rows, truth = heads
    assert between(rows.rotation, truth.rotation).min() > 5  # where the fits start
    fits = fit_rows(rows, table.only(READ), Recipe())
    assert np.median(between(fits.rotation, truth.rotation)) < 1.0
    assert between(fits.rotation, truth.rotation).max() < 3.0
    part = table.place["aflw2000_68"]
    off = fits.points(table, part) - truth.points(table, part)
    size = np.sqrt(np.prod(rows.box[:, 2:] - rows.box[:, :2], axis=1))
    assert (np.linalg.norm(off[..., :2], axis=-1).mean(1) / size).max() < 0.012
    depth = off[..., 2] - off[..., 2].mean(1, keepdims=True)
    assert (np.abs(depth).mean(1) / size).max() < 0.03
    jaw = EXPRESSIONS.index("jawOpen")
    assert fits.expression[::2, jaw].min() > fits.expression[1::2, jaw].max()
    assert fits.expression.min() >= 0
    assert fits.expression.max() <= 1


def test_faces_without_a_teachers_rotation_are_found_too(heads: tuple[Rows, Fits], table: LiftPoints) -> None:
    rows, truth = heads
    lost = replace(rows, rotation=np.full_like(rows.rotation, np.nan))
    assert between(fit_rows(lost, table.only(READ), Recipe()).rotation, truth.rotation).max() < 4.0


def test_wrong_points_and_a_wrong_set_are_given_up(heads: tuple[Rows, Fits], table: LiftPoints) -> None:
    rows, truth = heads
    points = rows.points.copy()
    points[:, SLICES["merl68"].start + 30] += 25.0  # the nose's tip, far off
    points[:, SLICES["aflw21"]] += np.array([30.0, -20.0], np.float32)  # another face's labels
    read = table.only(READ)
    fits = fit_rows(replace(rows, points=points), read, Recipe())
    assert np.median(between(fits.rotation, truth.rotation)) < 1.5
    assert fits.inlier[:, read.place["merl68"].start + 30].max() < 0.1
    assert fits.inlier[:, read.place["aflw21"]].max() < 0.2
    assert np.median(fits.inlier[:, read.place["tddfa68"]]) > 0.5


def test_where_a_set_puts_its_points_is_found(heads: tuple[Rows, Fits], table: LiftPoints) -> None:
    rows, truth = heads
    read = table.only(READ)
    part = read.place["merl68"]
    moved = read.offset.copy()
    moved[part] += np.array([0.0, -0.004, 0.002], np.float32)
    size = np.sqrt(np.prod(rows.box[:, 2:] - rows.box[:, :2], axis=1))
    labelled = truth.points(read.with_offset(moved), slice(0, len(read.columns)))[..., :2]
    points = rows.points.copy()
    points[:, read.columns] = labelled
    known = replace(truth, inlier=np.ones(labelled.shape[:2], np.float32), residual=np.zeros((1, 1), np.float32))
    found = set_offsets(replace(rows, points=points), known, read)
    assert size.min() > 30
    assert np.abs(found[part] - moved[part]).max() < 8e-4
    assert np.abs(found[read.place["tddfa68"]]).max() < 8e-4


def test_what_turns_the_whole_anchor_is_no_offset(table: LiftPoints) -> None:
    turned = np.cross(np.array([0.02, -0.01, 0.03]), table.mean - 0.01).astype(np.float32) + 0.003
    assert np.abs(settled(table, turned)[table.place["tddfa68"]]).max() < 1e-5
    assert np.abs(symmetric(table.mean, table.flip) - table.mean).max() < 1e-3  # the head itself is symmetric


def test_fits_are_written_read_and_joined_by_name(heads: tuple[Rows, Fits], table: LiftPoints, tmp_path: Path) -> None:
    rows, _ = heads
    lifted, fits, read = lift(rows, table)
    assert lifted.good.all()
    path = tmp_path / "lifted.parquet"
    write_lifted(path, lifted, {"packs": "aflw"})
    again = load_lifted(path)
    for field in ("rotation", "tddfa68", "residuals", "kept", "good", "name"):
        np.testing.assert_array_equal(getattr(again, field), getattr(lifted, field))
    order = np.arange(COUNT)[::-1]
    lessons = taught(rows.take(order), again)
    np.testing.assert_array_equal(lessons.rotation, lifted.rotation[order])
    np.testing.assert_array_equal(lessons.points[:, SLICES["tddfa68"]], lifted.tddfa68[order][..., :2])
    np.testing.assert_array_equal(lessons.depth, lifted.tddfa68[order][..., 2])
    other = replace(rows, pack=np.full(COUNT, "scut"))
    np.testing.assert_array_equal(taught(other, again).rotation, rows.rotation)
    figures = write_report(tmp_path / "report", rows, lifted, fits, read)
    assert figures["tddfa68"]["points_given_up"] < 0.05
    assert (tmp_path / "report" / "worst.png").stat().st_size > 10_000


@pytest.mark.parametrize("content", [None, b"no parquet"])
def test_what_is_no_file_of_fits_is_refused_in_a_sentence(tmp_path: Path, content: bytes | None) -> None:
    path = tmp_path / "fits.parquet"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(SourceError, match="a file of fits was wanted"):
        load_lifted(path)
