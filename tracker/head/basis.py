"""Continuous landmarks: any point of the mean head, linear in what the network says of the image.

    X(q) = M(q) + d(q, e) + sum identity I(q) + sum moving(expression) E(q) + sum residual Phi(q, e)

M, I and E come from the head model; d, Phi and the log-variance are one small network of the query q and of the
code e of a label set (its semantic correction: sets place points of the same name millimetres apart; e = 0 is the
canonical head). After Chandran et al., Infinite 3D Landmarks, CGF 2024. All of it is evaluated once per layout.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt
from scipy.spatial import cKDTree

from ..errors import ModelError
from ..types import Array, FaceState, Layout
from .lids import moving
from .model import HEAD_FROM_FILE, HeadModel, LayoutRows
from .occlusion import LAYOUTS, load_occlusion, seen_share
from .pick import pick

OCTAVES = 6
QUERY_SCALE = 0.1  # metres
OFFSET_SCALE = 0.015  # metres: the largest semantic offset
RESIDUAL_SCALE = 0.01  # metres per unit of a residual coefficient
EDGE = -0.15
"""A point counts as hidden where its normal's share towards the camera is below this; soft by 0.08."""
STD_RANGE = (0.002, 0.5)  # of the face's size


def encode_queries(queries: npt.NDArray[np.floating]) -> Array:
    """(N, 3) metres -> (N, 39): the coordinates and their sines and cosines over six octaves."""
    q = np.asarray(queries, dtype=np.float32)
    waves = [f(2.0**k * np.pi * q / 0.2) for k in range(OCTAVES) for f in (np.sin, np.cos)]
    return np.concatenate([q / QUERY_SCALE, *waves], axis=1).astype(np.float32)


@dataclass(frozen=True, slots=True, eq=False)
class LearnedField:
    """The network of queries: weights of three layers, the sets' codes, and which set each layout is read with.

    weights: ((47, H), (H, H), (H, 3 + 3 R + 1 + S)); codes: set name -> (8,); layouts: layout name -> set name,
    "*" standing for every other layout and for queries.
    """

    weights: tuple[Array, Array, Array]
    biases: tuple[Array, Array, Array]
    codes: Mapping[str, Array]
    layouts: Mapping[str, str]
    residuals: int
    spreads: int
    scales: Mapping[str, float] = field(default_factory=dict)
    """Set name -> by what its deviations are multiplied to be true on labelled faces (1 where none is told)."""

    def scale(self, layout: Layout) -> float:
        """What a layout's deviations are multiplied by."""
        name = layout if isinstance(layout, str) and layout in self.layouts else "*"
        return float(self.scales.get(self.layouts[name], 1.0))

    def code(self, layout: Layout) -> Array:
        """(8,): the code of the set that a layout, or a query, is read with."""
        name = layout if isinstance(layout, str) and layout in self.layouts else "*"
        return self.codes[self.layouts[name]]

    def __call__(self, queries: Array, code: Array) -> tuple[Array, Array, Array]:
        """Offsets (N, 3) m, residual modes (N, 3, R) m, log-deviation (N, 1 + S)."""
        full = self._raw(queries, code)
        mirrored = self._raw(queries * np.array([-1, 1, 1], np.float32), code)
        plain = self._raw(queries, np.zeros_like(code))
        plain_mirrored = self._raw(queries * np.array([-1, 1, 1], np.float32), np.zeros_like(code))
        # Offsets are mirror-symmetric by construction and vanish for the canonical head.
        shift = np.tanh(full[:, :3] - plain[:, :3])
        back = np.tanh(mirrored[:, :3] - plain_mirrored[:, :3]) * np.array([-1, 1, 1], np.float32)
        offset = OFFSET_SCALE * 0.5 * (shift + back)
        r = self.residuals
        modes = RESIDUAL_SCALE * full[:, 3 : 3 + 3 * r].reshape(-1, 3, r)
        return offset, modes, full[:, 3 + 3 * r :]

    def _raw(self, queries: Array, code: Array) -> Array:
        x = np.concatenate([encode_queries(queries), np.broadcast_to(code, (len(queries), len(code)))], axis=1)
        for i, (weight, bias) in enumerate(zip(self.weights, self.biases, strict=True)):
            x = x @ weight + bias
            if i < 2:
                x = np.maximum(x, 0)
        return np.asarray(x, dtype=np.float32)


@dataclass(frozen=True, slots=True, eq=False)
class _Evaluated:
    base: Array  # (3N,)
    modes: Array  # (3N, identity + expression + residual)
    deviation: Array  # (N, 1 + S)
    normals: Array  # (N, 3) of the mean head


class Basis:
    """Evaluates layouts for states; keeps each named layout's matrices. Safe to share between faces."""

    def __init__(self, head: HeadModel, field: LearnedField | None = None) -> None:
        self.head = head
        self.field = field
        self._named: dict[str, _Evaluated] = {}

    def points(self, state: FaceState, layout: Layout) -> Array:
        """(N, 3) metres, head frame."""
        return self._points(self._of(layout), state)

    def mesh(self, state: FaceState) -> Array:
        """(6017, 3) metres: the whole deformed head."""
        return self._points(self._of("mesh"), state)

    def skin(self, state: FaceState) -> Array:
        """(6017, 3) metres: the same for drawing, what was learned carried smoothly from the labelled points."""
        return self._points(self._of("skin"), state)

    def std(self, state: FaceState, layout: Layout) -> Array:
        """(N,) expected deviation per axis, in face sizes (sqrt of the box's area)."""
        rows = self._of(layout)
        spread = state.spread
        log = rows.deviation[:, 0] + rows.deviation[:, 1 : 1 + len(spread)] @ spread
        return np.asarray(np.clip(np.exp(log), *STD_RANGE), dtype=np.float32)

    def scale(self, layout: Layout) -> float:
        """By what the deviations of a layout were multiplied after training."""
        return 1.0 if self.field is None else self.field.scale(layout)

    def visibility(self, state: FaceState, layout: Layout) -> Array:
        """(N,) 0..1: of 68 points the share of people who would call each seen (`tracker.head.occlusion`); of others
        from the mean head's normals and, for named layouts, its table of self-occlusion."""
        rows = self._of(layout)
        towards = state.rotation.T @ np.array([0.0, 0.0, -1.0], np.float32)
        if isinstance(layout, str) and layout in LAYOUTS:
            return seen_share(load_occlusion(), towards)
        facing = 1.0 / (1.0 + np.exp(-np.clip((rows.normals @ towards - EDGE) / 0.08, -50, 50)))
        if isinstance(layout, str) and layout in self.head.visible:
            facing = facing * self._table(self.head.visible[layout], towards)
        return np.asarray(facing, dtype=np.float32)

    def query_at(self, state: FaceState, x_px: float, y_px: float) -> Array | None:
        """The query (3,) under a pixel of the frame, or None off the skin: `tracker.head.pick`."""
        return pick(self, state, x_px, y_px)

    def _table(self, table: npt.NDArray[np.uint8], towards: Array) -> Array:
        """Bilinear look-up by the direction to the camera (head frame)."""
        towards = HEAD_FROM_FILE.T @ towards
        azimuth = np.degrees(np.arctan2(towards[0], towards[2]))
        elevation = np.degrees(np.arcsin(np.clip(towards[1], -1, 1)))
        value = np.zeros(table.shape[-1], np.float32)
        for i, wi in _between(self.head.azimuth, azimuth):
            for j, wj in _between(self.head.elevation, elevation):
                value += np.float32(wi * wj) * table[i, j]
        return value

    def _points(self, rows: _Evaluated, state: FaceState) -> Array:
        parts = [state.identity, moving(state.expression)]
        if rows.modes.shape[1] > len(state.identity) + len(state.expression):
            parts.append(state.residual)
        return np.asarray((rows.base + rows.modes @ np.concatenate(parts)).reshape(-1, 3), dtype=np.float32)

    def _of(self, layout: Layout) -> _Evaluated:
        if not isinstance(layout, str):
            return self._evaluate(self.head.rows(layout), layout)
        if layout not in self._named:
            self._named[layout] = self._evaluate(self._rows(layout), layout)
        return self._named[layout]

    def _smooth_field(self, queries: Array) -> tuple[Array, Array, Array]:
        """The field on the whole surface, from the labelled points nearby: between them it was never asked for, and
        its own waves there would dent the drawn head."""
        assert self.field is not None
        labelled = self.head.layouts["mediapipe478"].of(self.head.mean)
        values = self.field(labelled, self.field.code("mediapipe478"))
        distance, near = cKDTree(labelled).query(queries, k=8)
        weight = np.exp(-0.5 * (distance**2 - distance[:, :1] ** 2) / 0.008**2)
        weight = (weight / weight.sum(1, keepdims=True)).astype(np.float32)
        offset, residual, deviation = (np.einsum("nk,nk...->n...", weight, v[near]) for v in values)
        return offset, residual, deviation

    def _labelled_nearby(self, queries: Array) -> Array:
        """(N,) 1 on the labelled face, falling to 0 over 20 mm: where nothing was labelled nothing was learned."""
        layouts = self.head.layouts
        labelled = np.concatenate([layouts[name].of(self.head.mean) for name in ("mediapipe478", "ibug68", "aflw21")])
        distance, _ = cKDTree(labelled).query(queries)
        return np.asarray(np.clip(1.4 - distance / 0.02, 0.0, 1.0), dtype=np.float32)

    def _rows(self, layout: str) -> LayoutRows:
        if layout in ("mesh", "skin"):
            every = np.arange(len(self.head.mean), dtype=np.intp)
            weight = np.zeros((len(every), 3), np.float32)
            weight[:, 0] = 1
            return LayoutRows(np.repeat(every[:, None], 3, 1), weight, self.head.sym)
        if layout not in self.head.layouts:
            known = ", ".join(sorted(self.head.layouts))
            raise ModelError(
                f"There is no landmark layout {layout!r}; take one of {known}, or an (N, 3) array of queries."
            )
        return self.head.layouts[layout]

    def _evaluate(self, rows: LayoutRows, layout: Layout) -> _Evaluated:
        head = self.head
        queries = rows.of(head.mean)
        modes = [rows.of(head.identity), rows.of(head.expression)]
        base, deviation = queries, np.full((len(queries), 1), np.log(0.03), np.float32)
        columns = [m.reshape(len(m), -1).T for m in modes]
        if self.field is not None:
            if isinstance(layout, str) and layout == "skin":
                offset, residual, deviation = self._smooth_field(queries)
            else:
                offset, residual, deviation = self.field(queries, self.field.code(layout))
            deviation[:, 0] += np.log(self.field.scale(layout))
            named = isinstance(layout, str) and layout in self.field.layouts
            near = np.ones(len(queries), np.float32) if named else self._labelled_nearby(queries)
            base = queries + near[:, None] * offset
            columns.append((near[:, None, None] * residual).reshape(-1, residual.shape[-1]))
        normals = rows.of(head.normals)
        return _Evaluated(
            np.ascontiguousarray(base.ravel()),
            np.ascontiguousarray(np.concatenate(columns, axis=1)),
            deviation,
            normals / np.maximum(np.linalg.norm(normals, axis=1, keepdims=True), 1e-9),
        )


def _between(grid: Array, value: float) -> tuple[tuple[int, float], tuple[int, float]]:
    """The two nearest grid positions and their weights, clamped to the ends."""
    at = float(np.interp(value, grid, np.arange(len(grid))))
    low = min(int(at), len(grid) - 2)
    return (low, 1.0 - (at - low)), (low + 1, at - low)
