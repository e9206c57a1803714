"""Which labels a fit reads: rows of the label sets on the head model, how sure each is, and where sets differ.

Sets of one name place their points millimetres apart; `offsets` (metres, head frame) say where on the head each set
puts each of its points. They begin with what a trained field learned and are estimated again from the fits.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from ..head import HeadModel, LearnedField
from .packs import SETS, SLICES

Floats = npt.NDArray[np.float32]

MESH_POINTS = 60
"""Of MediaPipe's 478 the fit reads this many, spread over the mesh, beside the irises."""
INNER, BROWS, CONTOUR = slice(27, 68), slice(17, 27), slice(0, 17)
SIGMA = {
    "merl68": (0.013, 0.020, 0.030),
    "ibug68": (0.013, 0.020, 0.030),
    "aflw2000_68": (0.013, 0.018, 0.024),
    "tddfa68": (0.016, 0.022, 0.028),
}
"""Deviation per axis of inner points, brows and contour, in face sizes."""
SIGMA_OTHERS = {"aflw21": 0.022, "mediapipe478": 0.016}
AFLW_EARS = (12, 16)
SIGMA_EAR = 0.05
TRUST = {"merl68": 1.0, "aflw21": 0.4, "mediapipe478": 0.3, "tddfa68": 0.4, "aflw2000_68": 1.0, "ibug68": 1.0}
"""How many sets' worth of evidence a set is, whatever the number of its points."""
DEPTH_SIGMA = 0.035
"""Deviation of a teacher's depth, in face sizes."""


@dataclass(frozen=True, slots=True, eq=False)
class LiftPoints:
    """The P labels that fits read. `columns` (P,) of `Rows.points`; `which` (P,) index into SETS; `base` (P, 3)
    metres with the sets' offsets in, `modes` (92, P, 3) metres per unit; `sigma` (P,) face sizes; `flip` (P,)
    mirror partners; `place` the positions of each set among the P."""

    columns: npt.NDArray[np.intp]
    which: npt.NDArray[np.intp]
    mean: Floats
    offset: Floats
    modes: Floats
    sigma: Floats
    flip: npt.NDArray[np.intp]
    place: dict[str, slice]

    @property
    def base(self) -> Floats:
        return self.mean + self.offset

    def only(self, names: tuple[str, ...]) -> LiftPoints:
        """The same table with no other sets."""
        keep = np.concatenate([np.arange(len(self.columns))[self.place[name]] for name in self.place if name in names])
        now = np.full(len(self.columns), -1, np.intp)
        now[keep] = np.arange(len(keep))
        place: dict[str, slice] = {}
        for name in (name for name in self.place if name in names):
            start = int(now[self.place[name].start])
            place[name] = slice(start, start + self.place[name].stop - self.place[name].start)
        return LiftPoints(
            self.columns[keep], self.which[keep], self.mean[keep], self.offset[keep], self.modes[:, keep],
            self.sigma[keep], now[self.flip[keep]], place,
        )  # fmt: skip

    def with_offset(self, offset: Floats) -> LiftPoints:
        return replace(self, offset=offset.astype(np.float32))


def lift_points(head: HeadModel, field: LearnedField | None = None, mesh_points: int = MESH_POINTS) -> LiftPoints:
    """The table of labels that fits read, with a field's offsets or none."""
    columns, which, mean, offset, modes, sigma, flip = [], [], [], [], [], [], []
    place: dict[str, slice] = {}
    start = 0
    for number, s in enumerate(SETS):
        rows = head.layouts[s.layout]
        queries = rows.of(head.mean)
        keep = np.arange(len(queries))
        if s.name == "mediapipe478":
            keep = _spread(queries, rows.flip, mesh_points)
        position = np.full(len(queries), -1, np.intp)
        position[keep] = np.arange(len(keep))
        columns.append(SLICES[s.name].start + keep)
        which.append(np.full(len(keep), number))
        mean.append(queries[keep])
        shift = np.zeros_like(queries) if field is None else field(queries, field.codes[s.name])[0]
        offset.append(shift[keep])
        both = np.concatenate([rows.of(head.identity), rows.of(head.expression)])
        modes.append(both[:, keep])
        sigma.append(_sigma(s.name, len(queries))[keep])
        flip.append(start + position[rows.flip[keep]])
        place[s.name] = slice(start, start + len(keep))
        start += len(keep)
    return LiftPoints(
        np.concatenate(columns).astype(np.intp),
        np.concatenate(which).astype(np.intp),
        np.concatenate(mean).astype(np.float32),
        np.concatenate(offset).astype(np.float32),
        np.concatenate(modes, axis=1).astype(np.float32),
        np.concatenate(sigma).astype(np.float32),
        np.concatenate(flip).astype(np.intp),
        place,
    )


def _sigma(name: str, count: int) -> Floats:
    if name in SIGMA:
        inner, brow, contour = SIGMA[name]
        out = np.full(count, inner, np.float32)
        out[BROWS], out[CONTOUR] = brow, contour
        return out
    out = np.full(count, SIGMA_OTHERS[name], np.float32)
    if name == "aflw21":
        out[list(AFLW_EARS)] = SIGMA_EAR
    return out


def _spread(points: Floats, flip: npt.NDArray[np.intp], count: int) -> npt.NDArray[np.intp]:
    """About `count` of the points, each far from those before it, with their mirror partners and the last ten
    (the irises)."""
    chosen = list(range(len(points) - 10, len(points)))
    distance = np.linalg.norm(points[:, None] - points[chosen][None], axis=-1).min(1)
    while len(chosen) < count + 10:
        new = int(distance.argmax())
        for i in {new, int(flip[new])}:
            chosen.append(i)
            distance = np.minimum(distance, np.linalg.norm(points - points[i], axis=-1))
    return np.array(sorted(set(chosen)), dtype=np.intp)


def symmetric(offset: Floats, flip: npt.NDArray[np.intp]) -> Floats:
    """Offsets (P, 3) averaged with their mirror images."""
    return np.asarray(0.5 * (offset + offset[flip] * np.array([-1, 1, 1], np.float32)), dtype=np.float32)


def settled(points: LiftPoints, offset: Floats, anchor: str = "tddfa68") -> Floats:
    """Offsets less what moves, turns or scales the anchor set as a whole: that belongs to the head's frame."""
    part = points.place[anchor]
    centre = points.mean[part].mean(0)
    arm = (points.mean[part] - centre).astype(np.float64)
    moved = offset[part].astype(np.float64)
    shift = moved.mean(0)
    inertia = np.eye(3) * (arm**2).sum() - arm.T @ arm
    turn = np.cross(arm, moved - shift).sum(0) @ np.linalg.inv(inertia)
    growth = (arm * (moved - shift)).sum() / (arm**2).sum()
    every = points.mean - centre
    return np.asarray(offset - shift - np.cross(turn, every) - growth * every, dtype=np.float32)
