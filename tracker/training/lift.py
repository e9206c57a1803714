"""Lifting: 3D heads from labels in 2D, by fits of the head model to every picture's labels together.

After FaceLift (Ferman et al., CVPR 2024): hand labels are lifted, those of the visible points alone. What teachers
say of the same picture (MediaPipe's mesh below 60 degrees of yaw, a 3DMM regressor's 68 points with depth at any)
counts less than hands, points and sets that contradict the rest are given up, and pictures that nothing fits are
marked.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch

from ..types import rotation_from_angles
from .lift_points import LiftPoints, settled, symmetric
from .lift_solve import Fit, Recipe, Solver, numpy_problem
from .lift_table import Lifted
from .packs import SETS, SLICES, Rows
from .protocol import YAW_EDGES

log = logging.getLogger(__name__)
Floats = npt.NDArray[np.float32]

READ = ("merl68", "aflw21", "mediapipe478", "tddfa68")
BATCH = 16
KEPT = 0.1
"""Labels with less weight than this were given up."""
SET_LIMIT = 3.0
"""A set whose median label lies this many deviations off is dropped."""
GOOD = 0.45
"""Fits of less quality are marked: below it lie cut-off, hidden and wrongly labelled faces (looked at)."""
START_YAWS = (-75.0, -45.0, -15.0, 15.0, 45.0, 75.0)


@dataclass(frozen=True, slots=True, eq=False)
class Fits:
    """All rows' fits, arrays over rows; see `Fit`."""

    rotation: Floats
    centre: Floats
    scale: Floats
    nearness: Floats
    identity: Floats
    expression: Floats
    inlier: Floats
    residual: Floats

    def points(self, table: LiftPoints, which: slice, block: int = 2048) -> Floats:
        """(n, N, 3): x, y px and depth px (larger = nearer) of part of a table's points on the fitted heads."""
        out = []
        for start in range(0, len(self.scale), block):
            k = slice(start, start + block)
            codes = np.concatenate([self.identity[k], self.expression[k]], 1)
            head = table.base[which] + np.einsum("bk,kqc->bqc", codes, table.modes[:, which], optimize=True)
            seen = head @ self.rotation[k].transpose(0, 2, 1)
            scale = self.scale[k, None]
            divide = 1.0 / (1.0 + self.nearness[k, None] * seen[..., 2])
            xy = self.centre[k, None] + (scale * divide)[..., None] * seen[..., :2]
            out.append(np.concatenate([xy, (-scale * seen[..., 2])[..., None]], -1))
        return np.concatenate(out).astype(np.float32)


def fit_rows(rows: Rows, table: LiftPoints, recipe: Recipe, progress: Callable[[int, int], None] | None = None) -> Fits:
    """Fit every row to the sets of `table`; rows should have at least eight labels."""
    solver = Solver(table, recipe)
    size = np.sqrt(np.prod(rows.box[:, 2:] - rows.box[:, :2], axis=1))
    parts = []
    for start in range(0, len(rows), BATCH):
        k = np.arange(start, min(start + BATCH, len(rows)))
        parts.append(_fit(rows, table, solver, size, k))
        if progress is not None:
            progress(int(k[-1]) + 1, len(rows))
    return Fits(**{f: np.concatenate([getattr(p, f).numpy() for p in parts]) for f in Fits.__dataclass_fields__})


def _fit(rows: Rows, table: LiftPoints, solver: Solver, size: Floats, k: npt.NDArray[np.intp]) -> Fit:
    points = rows.points[k][:, table.columns]
    weights = rows.weights[k][:, table.columns].copy()
    depth = np.full(weights.shape, np.nan, np.float32)
    for name in ("tddfa68", "aflw2000_68"):
        if name in table.place:
            labelled = weights[:, table.place[name]] > 0
            depth[:, table.place[name]] = np.where(labelled, rows.depth[k], np.nan)
    rotation = _starts(rows, table, solver, size, k, points, weights)
    fit = solver.solve(numpy_problem(points, weights, depth, size[k], rotation))
    dropped = _contradicting(fit, table, weights)
    if dropped.any():
        weights[dropped] = 0.0
        again = dropped.any(1)
        second = solver.solve(
            numpy_problem(points[again], weights[again], depth[again], size[k][again], fit.rotation.numpy()[again])
        )
        mask = torch.from_numpy(again)
        for field in Fit.__dataclass_fields__:
            getattr(fit, field)[mask] = getattr(second, field)
    fit.inlier[torch.from_numpy(weights) <= 0] = 0.0
    return fit


def _contradicting(fit: Fit, table: LiftPoints, weights: Floats) -> npt.NDArray[np.bool_]:
    """(B, P) labels of sets that lie far off as a whole, never a face's only set."""
    off = fit.residual.numpy() / table.sigma
    dropped = np.zeros(weights.shape, bool)
    many = np.stack([(weights[:, part] > 0).any(1) for part in table.place.values()]).sum(0)
    median = {name: _median(np.where(weights[:, part] > 0, off[:, part], np.nan)) for name, part in table.place.items()}
    worst = np.max(list(median.values()), axis=0)
    for name, part in table.place.items():
        bad = (median[name] > SET_LIMIT) & (median[name] >= worst) & (many > 1)
        dropped[bad, part] = True
    return dropped


def _median(values: npt.NDArray[np.floating], empty: float = 0.0) -> Floats:
    """Median of each row's finite values; `empty` where there are none."""
    some = np.isfinite(values).any(1)
    out = np.full(len(values), empty, np.float32)
    out[some] = np.nanmedian(values[some], axis=1)
    return out


def _starts(
    rows: Rows,
    table: LiftPoints,
    solver: Solver,
    size: Floats,
    k: npt.NDArray[np.intp],
    points: Floats,
    weights: Floats,
) -> Floats:
    """Rotations to start from: the teacher's, and where there is none the best of several yaws."""
    rotation = rows.rotation[k].copy()
    lost = np.flatnonzero(~np.isfinite(rotation).all((1, 2)))
    if len(lost):
        none = np.full(weights[lost].shape, np.nan, np.float32)
        tries, errors = [], []
        for yaw in START_YAWS:
            start = np.repeat(rotation_from_angles(yaw)[None], len(lost), 0)
            fit = solver.solve(
                numpy_problem(points[lost], weights[lost], none, size[k][lost], start), (20.0, 12.0, 8.0)
            )
            tries.append(fit.rotation.numpy())
            errors.append(np.nanmedian(fit.residual.numpy(), axis=1))
        best = np.argmin(errors, axis=0)
        rotation[lost] = np.stack(tries)[best, np.arange(len(lost))]
    return rotation


def liftable(rows: Rows) -> npt.NDArray[np.bool_]:
    """(n,) rows with enough labels of the sets that fits read; calibration images have their own truth."""
    columns = np.concatenate([np.arange(SLICES[name].start, SLICES[name].stop) for name in READ])
    return np.asarray(((rows.weights[:, columns] > 0).sum(1) >= 8) & (rows.pack != "aflw2000_calibration"))


def sample_rows(rows: Rows, each: int = 200, seed: int = 0) -> Rows:
    """Rows by hand of the training split, `each` of every bin of yaw (other rows where there are none)."""
    by_hand = (rows.weights[:, SLICES["merl68"]] > 0).any(1)
    index = np.flatnonzero(rows.trainable & (by_hand if by_hand.any() else True))
    index = np.random.default_rng(seed).permutation(index)
    bins = np.digitize(np.abs(rows.yaw[index]), YAW_EDGES, right=True)
    return rows.take(np.sort(np.concatenate([index[bins == b][:each] for b in range(3)])))


def settle_offsets(rows: Rows, full: LiftPoints, recipe: Recipe, rounds: int = 3) -> LiftPoints:
    """The table with offsets estimated in turn with the fits of a sample of rows; sets without rows keep theirs."""
    full = full.with_offset(settled(full, full.offset))
    sample = sample_rows(rows)
    for number in range(rounds if len(sample) >= 50 else 0):
        table = full.only(READ)
        fits = fit_rows(sample, table, recipe)
        new, offset = set_offsets(sample, fits, table), full.offset.copy()
        for name, part in table.place.items():
            offset[full.place[name]] = new[part]
        log.info("offsets, round %d: moved %.2f mm", number + 1, 1e3 * float(np.abs(offset - full.offset).mean()))
        full = full.with_offset(offset)
    return full


def lift(
    rows: Rows,
    full: LiftPoints,
    recipe: Recipe | None = None,
    sets: tuple[str, ...] = READ,
    progress: Callable[[int, int], None] | None = None,
) -> tuple[Lifted, Fits, LiftPoints]:
    """Fits of all rows as a table, with the fits and the table of the labels that they were read from."""
    table = full.only(sets)
    fits = fit_rows(rows, table, recipe or Recipe(), progress)
    residuals, kept = _by_set(fits, table, rows)
    quality = _quality(fits, table)
    good = (quality > GOOD) & (np.abs(fits.identity).max(1) < 3.45)
    drawn = {name: fits.points(full, full.place[name]) for name in ("aflw2000_68", "tddfa68", "merl68")}
    lifted = Lifted(
        name=rows.name,
        pack=rows.pack,
        rotation=fits.rotation,
        centre=fits.centre,
        scale=fits.scale,
        nearness=fits.nearness,
        identity=fits.identity,
        expression=fits.expression,
        aflw2000_68=drawn["aflw2000_68"],
        tddfa68=drawn["tddfa68"],
        merl68=drawn["merl68"],
        residuals=residuals,
        kept=kept,
        quality=quality,
        good=good,
    )
    return lifted, fits, table


def _by_set(fits: Fits, table: LiftPoints, rows: Rows) -> tuple[Floats, Floats]:
    """Mean residual of the kept labels, and their share, of each set: (n, sets)."""
    residuals = np.full((len(rows), len(SETS)), np.nan, np.float32)
    shares = np.full((len(rows), len(SETS)), np.nan, np.float32)
    for number, s in enumerate(SETS):
        if s.name not in table.place:
            continue
        part = table.place[s.name]
        labelled = rows.weights[:, table.columns[part]] > 0
        kept = labelled & (fits.inlier[:, part] > KEPT)
        count = kept.sum(1)
        with np.errstate(all="ignore"):
            total = np.where(kept, np.nan_to_num(fits.residual[:, part]), 0).sum(1)
            residuals[:, number] = np.where(count > 0, total / count, np.nan)
            shares[:, number] = np.where(labelled.any(1), count / labelled.sum(1), np.nan)
    return residuals, shares


def _quality(fits: Fits, table: LiftPoints) -> Floats:
    """(n,) 1 where labels are fitted as well as they are sure, falling to 0; times the share of labels kept."""
    off = fits.residual / table.sigma
    median = _median(off, 9.0)
    labelled = np.isfinite(fits.residual)
    share = (labelled & (fits.inlier > KEPT)).sum(1) / np.maximum(labelled.sum(1), 1)
    return np.asarray(np.exp(-((median / 2.5) ** 2)) * share, dtype=np.float32)


def set_offsets(rows: Rows, fits: Fits, table: LiftPoints, anchor: str = "tddfa68", ridge: float = 0.004) -> Floats:
    """(P, 3) metres: the table's offsets, moved to where the labels of these fits say that each point is meant.

    Least squares of the kept labels' errors over all rows, drawn to the offsets as they are by a prior of `ridge`
    metres a row's worth; symmetric, and still for the anchor set as a whole.
    """
    points = rows.points[:, table.columns]
    found = fits.points(table, slice(0, len(table.columns)))[..., :2]
    size = np.sqrt(np.prod(rows.box[:, 2:] - rows.box[:, :2], axis=1))
    weight = np.where(rows.weights[:, table.columns] > 0, fits.inlier, 0.0) / (table.sigma * size[:, None]) ** 2
    across = fits.scale[:, None, None] * fits.rotation[:, :2]  # (n, 2, 3): metres -> pixels
    squares = np.einsum("nij,nik->njk", across, across)
    normal = np.einsum("np,njk->pjk", weight, squares, optimize=True)
    pull = np.einsum("np,npi,nij->pj", weight, points - found, across, optimize=True)
    normal += np.eye(3) / ridge**2
    moved = np.linalg.solve(normal, pull[..., None])[..., 0]
    return settled(table, symmetric((table.offset + moved).astype(np.float32), table.flip), anchor)
