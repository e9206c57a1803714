"""What carries the default filter's calm: gains in closed form, a residual that goes with the lids, two low passes."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import pytest
from filterpy.kalman import KalmanFilter as Reference
from synthetic import LinearBasis, make_state, noisy, result_of, run

from tracker.head.model import EXPRESSIONS
from tracker.temporal import Stabilizer
from tracker.temporal.features import EYELIDS, LIPS, moving_only
from tracker.temporal.glide import Glide
from tracker.temporal.parts import parts_of
from tracker.types import Face, Layout

BLINK, JAW, BROW = (EXPRESSIONS.index(name) for name in ("eyeBlinkLeft", "jawOpen", "browInnerUp"))


@pytest.mark.parametrize("index", [0.01, 0.3, 3.0])
@pytest.mark.parametrize("dt", [1 / 120, 1 / 30])
def test_gains_are_those_that_a_kalman_filter_settles_to(index: float, dt: float) -> None:
    """For an acceleration that is another in every step."""
    noise = 0.002
    acceleration = index * noise / dt**2
    reference = Reference(dim_x=2, dim_z=1)
    reference.F, reference.H = np.array([[1.0, dt], [0.0, 1.0]]), np.array([[1.0, 0.0]])
    reference.P, reference.R = np.eye(2), np.array([[noise**2]])
    reference.Q = acceleration**2 * np.array([[dt**4 / 4, dt**3 / 2], [dt**3 / 2, dt**2]])
    for _ in range(400):
        reference.predict()
        reference.update(0.0)
    glide = Glide()
    for _ in range(100):
        glide.step(np.zeros(7), dt, np.full(7, acceleration), np.full(7, noise))
    moved = glide.step(np.ones(7), dt, np.full(7, acceleration), np.full(7, noise))
    np.testing.assert_allclose(moved, reference.K[0, 0], rtol=1e-3)
    np.testing.assert_allclose(glide.velocity, reference.K[1, 0], rtol=1e-3)


def test_what_is_found_in_motion_is_not_left_behind() -> None:
    """However calm the filter is told to be: at first two measurements are all that there is to go by."""
    glide, place = Glide(), np.zeros(7)
    for i in range(1, 6):
        place = place + glide.step(np.full(7, 0.01 * i) - place, 1 / 30, np.full(7, 1e-6), np.full(7, 1.0))
        np.testing.assert_allclose(place, 0.01 * i, atol=0.005)


def test_however_wild_it_goes_no_further_than_it_was_told() -> None:
    glide = Glide()
    moved = glide.step(np.full(7, 3.0), 0.5, np.full(7, 1e9), np.full(7, 1e-9))
    assert np.isfinite(moved).all() and (moved <= 3.0).all()
    assert np.isfinite(glide.velocity).all()


@dataclass(eq=False)
class PartedBasis(LinearBasis):
    """Residual 0 moves the upper lids alone, 1 the lips, 2 the rest of the face, 3 the lids.

    The others move nothing."""

    _parted: dict[str, np.ndarray] = field(default_factory=dict)

    def _modes(self, layout: Layout) -> tuple[np.ndarray, np.ndarray]:
        mean, modes = super()._modes(layout)
        assert isinstance(layout, str)
        if layout not in self._parted:
            parted = modes.copy()
            parted[:, :, 92:] = 0.0
            upper = [37, 38, 43, 44]
            for mode, part in enumerate((upper, slice(48, 68), slice(0, 36), slice(36, 48))):
                parted[part, :, 92 + mode] = 5e-4
            self._parted[layout] = parted
        return mean, self._parted[layout]


PARTED = PartedBasis()


def test_what_opens_the_lids_alone_is_theirs_and_what_moves_the_face_or_both_lids_alike_is_not() -> None:
    basis, parts = PARTED, parts_of(make_state())
    for feature, own in ((EYELIDS, 0), (LIPS, 1)):
        taken = moving_only(feature, 0.3, basis, parts)
        np.testing.assert_allclose(taken, np.diag(np.arange(32) == own).astype(float), atol=2e-3)


class RigidBasis(LinearBasis):
    """Without learned modes, as for a recording whose model is not at hand."""

    def _modes(self, layout: Layout) -> tuple[np.ndarray, np.ndarray]:
        mean, modes = super()._modes(layout)
        return mean, modes * (np.arange(modes.shape[2]) < 92)


def test_a_basis_without_learned_modes_has_nothing_to_open() -> None:
    np.testing.assert_array_equal(moving_only(EYELIDS, 0.3, RigidBasis(), parts_of(make_state())), np.zeros((32, 32)))


def residuals(shape: int) -> np.ndarray:
    """(60, 32) as given while a lid or the jaw goes to and fro at frame 40 and all of the residual jumps with it."""
    random = np.random.default_rng(0)
    stabilizer, given = Stabilizer("default"), []
    for i in range(60):
        expression, residual = np.zeros(52), np.full(32, float(i >= 40))
        expression[shape] = float(40 <= i < 44)
        state = noisy(make_state(expression=expression, residual=residual), random, 0.2)
        face = stabilizer.apply(result_of(i / 30, Face(state, PARTED, presence=0.95))).faces[0]
        given.append(face.state.residual)
    return np.array(given)


def test_a_blink_opens_the_residual_of_the_lids_and_leaves_the_chin_alone() -> None:
    given = residuals(BLINK)
    assert given[40, 0] > 0.7
    assert np.abs(given[40, 1:4]).max() < 0.35


def test_talking_opens_the_residual_of_the_lips_and_leaves_brows_and_chin_alone() -> None:
    given = residuals(JAW)
    assert given[40, 1] > 0.7
    assert np.abs(given[40, [0, 2]]).max() < 0.35


def test_a_trembling_brow_is_calmer_than_behind_one_low_pass_and_hardly_later() -> None:
    random = np.random.default_rng(0)
    levels = 0.3 + 0.3 * np.clip((np.arange(150) - 90) / 15, 0.0, 1.0) + random.normal(size=150) * 0.02
    tracks = []
    for method in ("default", "one_euro"):
        expressions = np.zeros((150, 52))
        expressions[:, BROW] = levels
        faces = run(Stabilizer(method), [make_state(expression=e) for e in expressions])
        tracks.append(np.array([face.state.expression[BROW] for face in faces if face is not None]))
    trembling = [np.abs(np.diff(track[30:90], 2)).mean() for track in tracks]
    assert trembling[0] < 0.5 * trembling[1]
    halfway = [int(np.argmax(track > 0.45)) for track in tracks]
    assert halfway[0] - halfway[1] <= 1


def test_a_head_that_moves_sideways_keeps_its_size_calm() -> None:
    random = np.random.default_rng(0)
    way = 320.0 + 40.0 * np.sin(2 * np.pi * np.arange(150) / 45)
    states = [noisy(make_state((x, 240.0)), random, 0.4) for x in way]
    given = run(Stabilizer("default"), states)
    sizes = np.array([[np.log(s.scale), np.log(f.state.scale)] for s, f in zip(states, given, strict=True) if f])
    raw, calm = sizes[45:].std(0)
    assert calm < 0.75 * raw
