"""What the stability panel knows of each frame: figures of every contestant, curves, and what is drawn magnified.

`Watch` is fed in the bridge's thread (and by the peer's), asked in the window's, and holds a fixed amount.
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass

import cv2
import numpy as np

from tracker.stability.live import NOTHING, Jitter, Lag, Shaking, with_motion, without_motion
from tracker.stability.measures import GROUPS, Floats
from tracker.stability.sit_still import FILTERED, RAW, Attempt, Progress
from tracker.stability.tracks import MEDIAPIPE_68
from tracker.types import Array, Frame, Image, Tracked

from .history import History, Ring, Values, eye_distance_px, points_68

PEER = "MediaPipe"
CAPACITY = 1500
MOMENTS, PAST = 32, 120
TRAIL = 15
CLOSE_UP_PX = 240
_CLOSE_UP_SHARE = 0.2
"""Half the close-up's side, of the distance between the eyes."""
_DEAD = 0.3
"""The close-up stays where it is while its landmark is within this share of it."""
_CALM_S = 2.0


@dataclass(frozen=True, slots=True, eq=False)
class CloseUp:
    """A landmark's surroundings: `image` (CLOSE_UP_PX, CLOSE_UP_PX, 3) RGB, of which `half` frame pixels lie on either
    side of `centre` (x, y); the last places of the landmark, (n, 2) frame pixels, newest last."""

    image: Image
    centre: Floats
    half: float
    raw: Floats
    stable: Floats


@dataclass(frozen=True, slots=True, eq=False)
class Moment:
    """One frame: its `index`, the 68 points (68, 2) raw and stable, pixels, and how each of them shakes."""

    index: int
    points: tuple[Floats, Floats]
    shaking: tuple[Shaking, Shaking]
    close_up: CloseUp | None


@dataclass(frozen=True, slots=True)
class Figures:
    """One contestant now: jitter in percent of the eyes' distance and in pixels, lag in ms; NaN where unknown."""

    percent: float
    px: float
    lag_ms: float


@dataclass(frozen=True, slots=True, eq=False)
class PeerPoints:
    """What the peer said last: (478, 2) pixels of the frame at `time`; `ms` the call took."""

    time: float
    points: Array
    ms: float


class Watch:
    """`truth`, where a source knows its motion, is what lag is measured against; elsewhere it is the raw points."""

    def __init__(self, history: History) -> None:
        self._history = history
        self._lock = threading.Lock()
        self._ring = Ring(CAPACITY, 1 + 2 * len(GROUPS))
        self._moments: deque[Moment] = deque(maxlen=MOMENTS)
        self._past: deque[tuple[int, Floats, float, Floats | None]] = deque(maxlen=PAST)
        self._attempt: Attempt | None = None
        self.landmark: int | None = None
        """Of the 68, of which a close-up is wanted; None: of none."""
        self.clear()

    def clear(self) -> None:
        """Forget everything: another source begins."""
        with self._lock:
            self._ring.clear()
            self._moments.clear()
            self._past.clear()
            self._lags = {RAW: Lag(), FILTERED: Lag(), PEER: Lag()}
            self._peer_jitter = Jitter()
            self._peer_shaking: Shaking = NOTHING
            self._peer: PeerPoints | None = None
            self._calm: Floats | None = None
            self._known = False
            self._last_time = -np.inf
            self._trails: deque[tuple[Floats, Floats]] = deque(maxlen=TRAIL)
            self._centre: Floats | None = None
            self._newest: tuple[Shaking, Shaking] = (NOTHING, NOTHING)

    # --- fed

    def step(self, tracked: Tracked) -> None:
        """Every frame, after the history took it."""
        frame = tracked.raw.frame
        raw = tracked.raw.faces[0] if tracked.raw.faces else None
        stable = tracked.stable.seen[0] if tracked.stable.seen else None
        shaking = self._history.shaking
        row = np.concatenate([[frame.time], shaking[0].groups, shaking[1].groups])
        with self._lock:
            self._newest = shaking
            self._ring.append(row)
            if raw is None or stable is None:
                self._lose()
                self._step_attempt(frame, None, None, 1.0)
                return
            points, eyes = (points_68(raw), points_68(stable)), eye_distance_px(stable)
            motion = None if frame.motion is None else np.asarray(frame.motion, np.float64)
            self._past.append((frame.index, points[0], eyes, motion))
            truth = self._truth(frame.time, points[0], motion)
            for name, own in ((RAW, points[0]), (FILTERED, points[1])):
                self._lags[name].step(frame.time, own, truth, eyes)
            self._step_attempt(frame, points[0], points[1], eyes)
            self._moments.append(Moment(frame.index, points, shaking, self._close_up(frame, points, eyes)))

    def step_peer(self, frame: Frame, points: Array | None, seconds: float) -> None:
        """The peer's answer (478, 2) to a frame that was fed before, from the peer's thread; frames may be missing."""
        with self._lock:
            known = next((past for past in self._past if past[0] == frame.index), None)
            if points is None or known is None:
                self._peer, self._peer_shaking = None, NOTHING
                self._peer_jitter.clear()
                return
            _, raw, eyes, motion = known
            own = np.asarray(MEDIAPIPE_68 @ points[:478].astype(np.float64))
            self._peer = PeerPoints(frame.time, points, 1000.0 * seconds)
            self._peer_shaking = self._peer_jitter.step(frame.time, own, eyes, motion)
            truth = raw if motion is None or self._calm is None else with_motion(self._calm, motion)
            self._lags[PEER].step(frame.time, own, truth, eyes)
            if self._attempt is not None:
                self._attempt.add(PEER, frame.time, own if motion is None else without_motion(own, motion))

    def end_peer(self) -> None:
        """It runs no longer."""
        with self._lock:
            self._peer, self._peer_shaking = None, NOTHING
            self._peer_jitter.clear()
            self._lags[PEER].clear()

    # --- asked

    def moment(self, index: int) -> Moment | None:
        """What is known of a frame; None for one that is long gone."""
        with self._lock:
            return next((moment for moment in reversed(self._moments) if moment.index == index), None)

    def peer(self) -> PeerPoints | None:
        with self._lock:
            return self._peer

    def figures(self) -> Mapping[str, Figures]:
        """Contestant -> its figures now; the peer only where it runs."""
        with self._lock:
            shaking = {RAW: self._newest[0], FILTERED: self._newest[1], PEER: self._peer_shaking}
            lags, known = dict(self._lags), self._known
        late = {name: 1000.0 * lag.seconds() for name, lag in lags.items()}
        if not known:
            late[RAW] = np.nan  # it is what the others are compared with
        return {name: Figures(shakes.percent, shakes.px, late[name]) for name, shakes in shaking.items()}

    def curves(self, seconds: float) -> tuple[Values, Values, Values]:
        """The last seconds: age (n,) s, and (n, 5) % of each group, raw and filtered."""
        with self._lock:
            rows = self._ring.read()
        age = rows[:, 0] - rows[-1, 0] if len(rows) else np.zeros(0)
        rows, age = rows[age >= -seconds], age[age >= -seconds]
        return age, rows[:, 1 : 1 + len(GROUPS)], rows[:, 1 + len(GROUPS) :]

    def begin(self, attempt: Attempt) -> None:
        """Measure a person who sits still, from the next frame on."""
        with self._lock:
            self._attempt = attempt

    def end(self) -> None:
        """No attempt runs any more."""
        with self._lock:
            self._attempt = None

    @property
    def attempt(self) -> Attempt | None:
        """The one that runs."""
        return self._attempt

    @property
    def progress(self) -> Progress | None:
        """Of the attempt, if there is one."""
        attempt = self._attempt
        return attempt.progress if attempt is not None else None

    # --- inside, with the lock

    def _lose(self) -> None:
        self._centre = None
        self._trails.clear()
        for name in (RAW, FILTERED):
            self._lags[name].break_off()

    def _step_attempt(self, frame: Frame, raw: Floats | None, stable: Floats | None, eyes: float) -> None:
        if self._attempt is not None:
            motion = None if frame.motion is None else np.asarray(frame.motion, np.float64)
            self._attempt.step(frame.time, raw, stable, eyes, motion)

    def _truth(self, time: float, raw: Floats, motion: Floats | None) -> Floats:
        """Where the points truly are: the mean place on the source's reference picture, moved as the source knows."""
        self._known = motion is not None
        gap, self._last_time = time - self._last_time, time
        if motion is None:
            return raw
        still = without_motion(raw, motion)
        keep = float(np.exp(-gap / _CALM_S)) if self._calm is not None and gap > 0.0 else 0.0
        self._calm = still if self._calm is None else keep * self._calm + (1.0 - keep) * still
        return with_motion(self._calm, motion)

    def _close_up(self, frame: Frame, points: tuple[Floats, Floats], eyes: float) -> CloseUp | None:
        if self.landmark is None:
            self._centre = None
            self._trails.clear()
            return None
        raw, stable = points[0][self.landmark], points[1][self.landmark]
        self._trails.append((raw, stable))
        half = max(_CLOSE_UP_SHARE * eyes, 8.0)
        if self._centre is None or np.abs(stable - self._centre).max() > 2.0 * half:
            self._centre = stable.copy()
            self._trails.clear()
            self._trails.append((raw, stable))
        away = stable - self._centre
        self._centre = self._centre + away - np.clip(away, -_DEAD * half, _DEAD * half)
        zoom = CLOSE_UP_PX / (2.0 * half)
        # OpenCV counts pixels' centres as whole numbers, we as halves.
        shift = CLOSE_UP_PX / 2.0 - zoom * (self._centre - 0.5) - 0.5
        view = np.array([[zoom, 0.0, shift[0]], [0.0, zoom, shift[1]]])
        seen = cv2.warpAffine(frame.image, view, (CLOSE_UP_PX, CLOSE_UP_PX), flags=cv2.INTER_LINEAR)
        trail = np.array(self._trails)
        return CloseUp(np.asarray(seen, np.uint8), self._centre, half, trail[:, 0], trail[:, 1])
