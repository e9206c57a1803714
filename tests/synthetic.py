"""Faces that need no network: a small linear basis, states and signals with known truth, for the tests."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace

import numpy as np

from tracker.types import Camera, Face, FaceState, Frame, Layout, TrackResult, rotation_from_angles

CAMERA = Camera(focal=500.0, cx=320.0, cy=240.0)
COUNTS = {"ibug68": 68, "mediapipe478": 478}


@dataclass(eq=False)
class LinearBasis:
    """A `LandmarkBasis` over random points of an ellipsoid 150 mm high, linear in every coefficient."""

    seed: int = 7
    _kept: dict[str, tuple[np.ndarray, np.ndarray]] = field(default_factory=dict)

    def _modes(self, layout: Layout) -> tuple[np.ndarray, np.ndarray]:
        assert isinstance(layout, str)
        if layout not in self._kept:
            random = np.random.default_rng(self.seed)
            count = COUNTS[layout]
            mean = random.normal(size=(count, 3))
            mean = mean / np.linalg.norm(mean, axis=1, keepdims=True) * (0.06, 0.075, 0.05)
            mean[:, 2] = np.abs(mean[:, 2])
            if layout == "ibug68":
                mean[36], mean[45] = (-0.045, 0.0, 0.02), (0.045, 0.0, 0.02)
            modes = random.normal(size=(count, 3, 40 + 52 + 32)) * 5e-4
            self._kept[layout] = mean, modes
        return self._kept[layout]

    def points(self, state: FaceState, layout: Layout) -> np.ndarray:
        mean, modes = self._modes(layout)
        code = np.concatenate([state.identity, state.expression, state.residual])
        return (mean + modes @ code).astype(np.float32)

    def std(self, state: FaceState, layout: Layout) -> np.ndarray:
        assert isinstance(layout, str)
        return np.full(COUNTS[layout], 0.02 * np.exp(0.1 * state.spread[0]), np.float32)

    def visibility(self, state: FaceState, layout: Layout) -> np.ndarray:
        return (self.points(state, layout)[:, 0] < 0.05).astype(np.float32)


BASIS = LinearBasis()


def make_state(
    centre: tuple[float, float] = (320.0, 240.0),
    scale: float = 850.0,
    angles: tuple[float, float, float] = (0.0, 0.0, 0.0),
    nearness: float = 1.5,
    **codes: np.ndarray,
) -> FaceState:
    sizes = {"identity": 40, "expression": 52, "residual": 32, "spread": 8}
    arrays = {name: np.asarray(codes.get(name, np.zeros(size)), np.float32) for name, size in sizes.items()}
    return FaceState(
        rotation_from_angles(*angles), np.asarray(centre, np.float32), scale, nearness, camera=CAMERA, **arrays
    )


def make_face(state: FaceState, name: int = 0) -> Face:
    return Face(state, BASIS, presence=0.95, id=name)


BLANK = np.zeros((48, 64, 3), np.uint8)


def result_of(time: float, *faces: Face, index: int = 0) -> TrackResult:
    return TrackResult(Frame(BLANK, time, index), faces)


def noisy(state: FaceState, random: np.random.Generator, px: float = 0.4) -> FaceState:
    """With the noise of a measurement: `px` on the centre, as much on every other part of the pose."""
    size = state.scale * 0.15
    turn = rotation_from_angles(*np.degrees(random.normal(size=3) * px / size * 2.5))
    facing = rotation_from_angles(0.0)
    return replace(
        state,
        rotation=(state.rotation @ (facing @ turn)).astype(np.float32),
        centre=(state.centre + random.normal(size=2) * px).astype(np.float32),
        scale=float(state.scale * np.exp(random.normal() * px / size * 3.0)),
        expression=(state.expression + random.normal(size=52) * 0.01).astype(np.float32),
        residual=(state.residual + random.normal(size=32) * 0.05).astype(np.float32),
        identity=(state.identity + random.normal(size=40) * 0.05).astype(np.float32),
    )


def run(
    stabilizer: object, states: Iterable[FaceState | None], fps: float = 30.0, start: float = 0.0
) -> list[Face | None]:
    """The filtered face of every frame; None frames have no face."""
    apply: Callable[[TrackResult], TrackResult] = stabilizer.apply  # type: ignore[attr-defined]
    answers: list[Face | None] = []
    for i, state in enumerate(states):
        faces = [] if state is None else [make_face(state)]
        result = apply(result_of(start + i / fps, *faces, index=i))
        answers.append(result.faces[0] if result.faces else None)
    return answers


def points(faces: Iterable[Face | None]) -> np.ndarray:
    return np.stack([face.landmarks_px("ibug68") for face in faces if face is not None]).astype(np.float64)


def acceleration(track: np.ndarray) -> float:
    """Mean length of the second difference, in percent of the distance of the outer eye corners."""
    eyes = np.linalg.norm(track[:, 36] - track[:, 45], axis=1).mean()
    return float(np.linalg.norm(np.diff(track, 2, axis=0), axis=2).mean() / eyes * 100)


def stillness(track: np.ndarray) -> float:
    """Mean over points of sqrt(var x + var y), in percent of the same distance."""
    eyes = np.linalg.norm(track[:, 36] - track[:, 45], axis=1).mean()
    return float(np.sqrt(track.var(axis=0).sum(1)).mean() / eyes * 100)
