"""The pose carried along with the face's own pixels, and drawn to what the network says.

Pixels say to a few hundredths how the face moved in the picture since the last frame (`Face.carried`), but not where it
is; the network says where it is, but wavers. So the pose moves with the pixels at once, and approaches the network's
word slowly while the pixels rest, faster while they move: a 1 euro filter whose speed is measured on the picture. A
jaw that opens moves no pixel of nose and cheeks, so it cannot nod the head.
"""

from __future__ import annotations

import math

import numpy as np

from .leash import within
from .one_euro import smoothing
from .parts import POSE, Point
from .turns import Vector

_REST = np.array([0.15, 0.15, 0.25, 0.25, 0.25, 0.25, 0.1])
"""Hz: cutoff of each number of the pose while the pixels rest."""
_OPEN = np.array([3.0, 3.0, 0.6, 0.6, 0.6, 0.6, 0.6])
"""Hz per face size a second: up and down for a nod, sideways for a turn, any for the others."""
_OPEN_UNTOLD = np.array([15.0, 15.0, 0.6, 0.6, 0.6, 0.6, 0.6])
"""The same where no parallax told of these two: a head that goes up and down is believed to nod."""
_ASTRAY = 0.05
"""Hz per squared usual size of a difference beyond three of them."""
_USUAL = 0.003, 0.015
"""Face sizes: least and most that a difference may usually be."""
_SPEED_HZ = 4.0
_LEAN_HZ, _LEAN, _BEHIND = 0.4, 0.5, 0.5
"""A difference that keeps its sign is a turn that no pixel told of: its mean at this cutoff (Hz), in usual sizes, opens
the filter by so many Hz per square of what is beyond."""
_DOUBT = 1.5
"""A frame that the network doubts n times as much as usual counts n to the minus this: a hand is before the face."""
_STEP = np.array([0.0, 0.0, 1.0, 1.0, 1.0, 1.0, 0.0])
"""Where the pixels say nothing of a moving face, its place, roll and size go on as they went."""
_TOLD, _BRISK = 0.4, 0.15
"""What the network's own step then says else is believed by so much; by half of it at this speed of the pixels (face
sizes a second), and at rest it is only noise."""
_WENT_HZ, _DIES_S = 7.0, 0.3
"""Cutoff of the velocity it goes on with, and seconds in which that dies away unseen."""
_PULL, _PULL_OPEN = 0.5, 8.0
"""Hz, and Hz per face size a second, at which the leash pulls at a pose that pixels carry: eyes that are squeezed shut
move the network's word by more than the leash, in a frame, and no head."""
_SETTLE_HZ = 1.5
"""At first the pose is a mean of all there is, but drawn to it no faster: the first look is often the worst."""
_GAINED, _LOST = 0.5, 0.1
"""Share of the trust in pixels that a frame with, or without, a motion adds or takes."""


class CarriedPose:
    """`step` gives the measured point with its pose carried; without a motion, the pose as it was measured."""

    def __init__(self, first: Point) -> None:
        self._pose = self._before = first.pose
        self.speed = self._up = self._aside = 0.0
        self.trust = 0.0
        self.age = 0.0
        self._usual = np.full((2, 7), 0.01)
        self._lean = np.zeros(7)
        self._went = np.zeros(7)

    def step(
        self, measured: Point, dt: float, motion: Vector | None, unit: Vector, leash: Vector, doubt: float = 1.0
    ) -> Point:
        """`motion` (2, 3 or 4): how the face's pixels moved since the last step (`Face.carried`), where they told it;
        `unit` (7,) of the pose, and `leash` (7,) how far it may be from `measured`."""
        sure = 1.0 / max(doubt, 1.0) ** _DOUBT
        told = motion is not None and motion.shape[1] > 3
        if motion is None:
            self.trust *= 1.0 - _LOST
            self._went *= math.exp(-dt / _DIES_S)
            pull, went = 1.0, dt * self._went
            share = sure * _TOLD * self.speed / (self.speed + _BRISK)
            moved = self._pose.plus(_STEP * (went + share * (measured.pose.minus(self._before) - went)))
        else:
            self.trust += (_GAINED if self.age > 0.0 else 1.0) * (1.0 - self.trust)
            moved = self._pose.carried(motion)
            x, y, size = ((moved.values - self._pose.values)[3:6] / unit[3:6]).tolist()
            turn = math.atan2(motion[1, 0], motion[0, 0]) / float(unit[2])
            (right_x, up_x), (right_y, up_y) = moved.rotation[:2, :2].tolist()
            share = smoothing(_SPEED_HZ, dt)
            self.speed += share * (math.sqrt(x * x + y * y + size * size + turn * turn) / dt - self.speed)
            self._up += share * (abs(x * up_x + y * up_y) / dt - self._up)
            self._aside += share * (abs(x * right_x + y * right_y) / dt - self._aside)
            pull = 1.0 - self.trust * (1.0 - smoothing(_PULL + _PULL_OPEN * self.speed, dt))
        self._went += smoothing(_WENT_HZ, dt) * (moved.minus(self._pose) / dt - self._went)
        self._pose = moved
        self._before = measured.pose
        difference = measured.pose.minus(self._pose)
        way = difference / unit
        self._lean += smoothing(_LEAN_HZ, dt) * (way - self._lean)
        size = np.abs(np.array((way, way - self._lean)))
        astray = np.maximum(size[0] / self._usual[0] - 3.0, 0.0)
        behind = np.maximum(np.abs(self._lean) / self._usual[1] - _LEAN, 0.0)
        self._usual += smoothing(0.3, dt) * (np.minimum(size, 3.0 * self._usual) - self._usual)
        self._usual = np.minimum(np.maximum(self._usual, _USUAL[0]), _USUAL[1])
        speeds = np.array((self._up, self._aside, *(self.speed,) * 5))
        cutoff = (_REST + (_OPEN if told else _OPEN_UNTOLD) * speeds + _ASTRAY * astray**2 + _BEHIND * behind**2) * sure
        self.age += dt
        settled = 1.0 - np.maximum(smoothing(cutoff, dt), min(dt / self.age, smoothing(_SETTLE_HZ, dt)))
        gain = 1.0 - settled * (1.0 - (1.0 - self.trust) * sure)
        self._pose = within(self._pose.plus(gain * difference), measured.pose, unit, leash, pull)
        values = measured.values.copy()
        values[POSE] = self._pose.values
        return Point(self._pose.rotation, values)
