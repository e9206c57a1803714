"""Fitting the head model to pictures of one person: one shape, and a pose and an expression for every picture.

Gauss-Newton on where landmarks (and, once there is a texture, vertices that its pixels were found at) lie in the
pictures. Unknown are 40 shared numbers of identity and, per picture, 3 of rotation, 2 of place, scale, nearness and 51
of expression; priors hold what a picture does not show. After Wood et al., 3D Face Reconstruction with Dense Landmarks,
ECCV 2022, whose landmarks' weights are their expected deviations too.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from ..head import EXPRESSIONS, load_head
from ..types import Array, Face, FaceState
from .identity import Expected, load_expected

Floats = npt.NDArray[np.float64]

ROUNDS = 8
_POSE = 7
_SHAPES = np.array([i for i, name in enumerate(EXPRESSIONS) if name != "tongueOut"], dtype=np.intp)
_LOCAL = _POSE + len(_SHAPES)
_CONTOUR = np.arange(17)
_TRUST = 0.25
"""What a landmark counts for beside its expected deviation: neighbours err together."""
_EXPRESSION_STD = 0.12
"""How far the fitted expression may leave what the network said, 1 standard deviation."""
_HEARD, _HEARD_STD = 0.6, 0.2
"""While a single picture's shape is sought: what of the network's expression is believed, and how far it may be left.
What it says of a face at rest is partly the person's shape."""
_LOOSE = 0.3
"""How firmly a single picture's shape is held while it is sought; what of it is the person's is learnt."""
_FARTHEST = 6.0
"""Of the head model's standard deviations, what a shape's coefficient is kept to."""
_NEARNESS_STD = 0.5
_OUTLIER = 3.0
"""Standard deviations from which on a point loses its say."""


@dataclass(frozen=True, slots=True, eq=False)
class Seen:
    """What one picture says: `index` (N, 3) and `weight` (N, 3) name points of the mesh, `at` (N, 2) where they are in
    pixels, `std` (N,) how well that is known (inf: not at all); `start` is where the fit starts and what holds it."""

    start: FaceState
    index: npt.NDArray[np.intp]
    weight: Array
    at: Array
    std: Array

    def with_points(self, vertices: npt.NDArray[np.intp], at: Array, std: Array) -> Seen:
        """The same with further vertices whose pixels were found."""
        one = np.zeros((len(vertices), 3), np.float32)
        one[:, 0] = 1
        return replace(
            self,
            index=np.concatenate([self.index, np.repeat(vertices[:, None], 3, 1)]),
            weight=np.concatenate([self.weight, one]),
            at=np.concatenate([self.at, at]),
            std=np.concatenate([self.std, std]),
        )


@dataclass(frozen=True, slots=True, eq=False)
class Fit:
    """`identity` (40,), a `states` entry for every picture, and `misfit`: RMS of the landmarks, in face sizes."""

    identity: Array
    states: tuple[FaceState, ...]
    misfit: float


def landmarks_of(face: Face) -> Seen:
    """What the network's own dense landmarks say of a face: 478 points and the jaw's contour, each as far as it is
    visible."""
    head = load_head()
    indices, weights, places, stds = [], [], [], []
    for layout, keep in (("mediapipe478", slice(None)), ("ibug68", _CONTOUR)):
        rows = head.layouts[layout]
        visible = face.visibility(layout)[keep]
        std = np.maximum(face.std_px(layout)[keep], 0.004 * face.size_px) / np.maximum(visible, 1e-3)
        indices.append(rows.index[keep])
        weights.append(rows.weight[keep])
        places.append(face.landmarks_px(layout)[keep])
        # A contour's points are named by where they seem to end, not by a place on the skin.
        stds.append(std * (1.0 if layout == "mediapipe478" else 3.0))
    return Seen(
        face.state,
        np.concatenate(indices),
        np.concatenate(weights),
        np.concatenate(places).astype(np.float32),
        np.concatenate(stds).astype(np.float32),
    )


def fit_views(
    seen: Sequence[Seen],
    identity: Array | None = None,
    rounds: int = ROUNDS,
    known: bool = False,
    expected: Expected | None = None,
    expression_std: float = _EXPRESSION_STD,
) -> Fit:
    """Fit one identity to all pictures, from `identity` on; where it is `known` it stays, and only the pictures' poses
    and expressions are fitted. `expected` is the shape's prior; by default, what ships. `expression_std`: how far
    expressions may leave where they start."""
    if identity is None:
        identity = np.mean([s.start.identity for s in seen], axis=0)
    alpha = np.clip(identity, -_FARTHEST, _FARTHEST).astype(np.float64)
    expected = expected or load_expected()
    parts = [_Part(s, expression_std) for s in seen]
    for _ in range(rounds):
        step_alpha, steps = _solve(parts, alpha, expected, known)
        alpha = np.clip(alpha + step_alpha, -_FARTHEST, _FARTHEST)
        for part, step in zip(parts, steps, strict=True):
            part.move(step)
    error = [part.misfit(alpha) for part in parts]
    fitted = alpha.astype(np.float32)
    return Fit(fitted, tuple(part.state(fitted) for part in parts), float(np.sqrt(np.mean(np.square(error)))))


def fit_alone(seen: Seen, expected: Expected | None = None) -> Fit:
    """Fit the likeliest shape of a person of whom there is one picture, and pose and expression that go with it."""
    expected = expected or load_expected()
    held = fit_views([seen], expected=expected)
    if expected.alone is None:
        return held
    shape = expected.alone.told(held.identity, loose_shape(seen, expected.alone.loose))
    return fit_views([seen], shape, known=True)


def loose_shape(seen: Seen, mean: Array, rounds: int = ROUNDS) -> Array:
    """The shape (40,) that one picture says by itself, hardly held to `mean` (40,)."""
    heard = replace(seen, start=replace(seen.start, expression=np.float32(_HEARD) * seen.start.expression))
    return fit_views([heard], rounds=rounds, expected=Expected(mean, _LOOSE), expression_std=_HEARD_STD).identity


class _Part:
    """One picture's unknowns and its rows of the linearised problem."""

    def __init__(self, seen: Seen, expression_std: float) -> None:
        head = load_head()
        corner, weight = seen.index, seen.weight
        self.seen = seen
        self.base = np.einsum("nkc,nk->nc", head.mean[corner], weight).astype(np.float64)
        self.identity = np.einsum("mnkc,nk->ncm", head.identity[:, corner], weight).astype(np.float64)
        self.shapes = np.einsum("mnkc,nk->ncm", head.expression[_SHAPES][:, corner], weight).astype(np.float64)
        start = seen.start
        self.rotation = start.rotation.astype(np.float64)
        self.centre = start.centre.astype(np.float64)
        self.log_scale, self.nearness = float(np.log(start.scale)), float(start.nearness)
        self.expression = start.expression[_SHAPES].astype(np.float64)
        self.first, self.free = (self.nearness, self.expression.copy()), expression_std
        box = seen.at.max(0) - seen.at.min(0)
        self.size = float(np.sqrt(max(box[0] * box[1], 1.0)))

    def move(self, step: Floats) -> None:
        self.rotation = _turn(step[:3]) @ self.rotation
        self.centre = self.centre + step[3:5]
        self.log_scale += float(np.clip(step[5], -0.2, 0.2))
        self.nearness = float(np.clip(self.nearness + step[6], 0.0, 6.0))
        self.expression = np.clip(self.expression + step[_POSE:], 0, 1)

    def project(self, alpha: Floats) -> tuple[Floats, Floats, Floats]:
        points = self.base + self.identity @ alpha + self.shapes @ self.expression
        turned = points @ self.rotation.T
        depth = np.maximum(1 + self.nearness * turned[:, 2:], 0.05)
        return self.centre + np.exp(self.log_scale) * turned[:, :2] / depth, turned, depth

    def system(self, alpha: Floats) -> tuple[Floats, Floats]:
        """Weighted Jacobian (2N, 40 + local) and residual (2N,)."""
        pixel, turned, depth = self.project(alpha)
        scale = np.exp(self.log_scale)
        n = len(pixel)
        by_point = np.zeros((n, 2, 3))
        by_point[:, 0, 0] = by_point[:, 1, 1] = (scale / depth)[:, 0]
        by_point[:, :, 2] = -scale * self.nearness * turned[:, :2] / depth**2
        jacobian = np.zeros((n, 2, len(alpha) + _LOCAL))
        head_to_pixel = by_point @ self.rotation
        jacobian[:, :, : len(alpha)] = head_to_pixel @ self.identity
        local = jacobian[:, :, len(alpha) :]
        for axis in range(3):
            local[:, :, axis] = np.einsum("nij,nj->ni", by_point, np.cross(np.eye(3)[axis], turned))
        local[:, 0, 3] = local[:, 1, 4] = 1
        local[:, :, 5] = scale * turned[:, :2] / depth
        local[:, :, 6] = -scale * turned[:, :2] * turned[:, 2:] / depth**2
        local[:, :, _POSE:] = head_to_pixel @ self.shapes
        off = self.seen.at - pixel
        relative = np.linalg.norm(off, axis=1) / self.seen.std
        trust = _TRUST / self.seen.std / np.sqrt(1 + (relative / _OUTLIER) ** 2)
        return (jacobian * trust[:, None, None]).reshape(2 * n, -1), (off * trust[:, None]).ravel()

    def prior(self) -> tuple[Floats, Floats]:
        """Diagonal and right side (local,) of what holds the picture's own unknowns."""
        nearness, expression = self.first
        hold = np.zeros(_LOCAL)
        pull = np.zeros(_LOCAL)
        hold[5] = 1e-2
        hold[6] = 1 / _NEARNESS_STD**2
        pull[6] = hold[6] * (nearness - self.nearness)
        hold[_POSE:] = 1 / self.free**2
        pull[_POSE:] = hold[_POSE:] * (expression - self.expression)
        hold[:5] = 1e-6
        return hold, pull

    def misfit(self, alpha: Floats) -> float:
        off = np.linalg.norm(self.project(alpha)[0] - self.seen.at, axis=1)
        sure = 1.0 / self.seen.std**2
        return float(np.sqrt((off**2 * sure).sum() / max(sure.sum(), 1e-12)) / self.size)

    def state(self, identity: Array) -> FaceState:
        expression = np.zeros(52, np.float32)
        expression[_SHAPES] = self.expression
        u, _, vt = np.linalg.svd(self.rotation)
        nothing = np.zeros(0, np.float32)
        scale = float(np.exp(self.log_scale))
        camera = self.seen.start.camera
        return FaceState(
            np.ascontiguousarray(u @ vt, dtype=np.float32), self.centre.astype(np.float32), scale, self.nearness,
            camera, identity, expression, nothing, nothing,
        )  # fmt: skip


def _solve(parts: Sequence[_Part], alpha: Floats, expected: Expected, known: bool) -> tuple[Floats, list[Floats]]:
    """One step: the pictures' unknowns are eliminated, what remains is the identity's 40 (Schur complement)."""
    k = len(alpha)
    shared = expected.hold * np.eye(k)
    right = expected.hold * (expected.mean - alpha)
    kept = []
    for part in parts:
        jacobian, residual = part.system(alpha)
        normal = jacobian.T @ jacobian
        towards = jacobian.T @ residual
        hold, pull = part.prior()
        local = normal[k:, k:] + np.diag(hold)
        cross, push = normal[:k, k:], towards[k:] + pull
        both = np.linalg.solve(local, np.concatenate([cross.T, push[:, None]], 1))
        shared += normal[:k, :k] - cross @ both[:, :k]
        right += towards[:k] - cross @ both[:, k]
        kept.append(both)
    step: Floats = np.zeros(k) if known else np.asarray(np.linalg.solve(shared, right), dtype=np.float64)
    return step, [both[:, k] - both[:, :k] @ step for both in kept]


def _turn(w: Floats) -> Floats:
    """The rotation (3, 3) about w (3,), radians."""
    angle = float(np.linalg.norm(w))
    cross: Floats = np.array([[0, -w[2], w[1]], [w[2], 0, -w[0]], [-w[1], w[0], 0]])
    if angle < 1e-12:
        return np.asarray(np.eye(3) + cross)
    sine, cosine = np.sin(angle) / angle, (1 - np.cos(angle)) / angle**2
    return np.asarray(np.eye(3) + sine * cross + cosine * cross @ cross)
