"""What moves a personal head: a face's 52 coefficients, changed so that lips and lids are as far apart as its own.

The network tells part of a mouth and of lids by its learned basis (`FaceState.residual`), which a personal head does
not have: driven by the coefficients alone it opened its mouth half as far as the person, left it ajar when that was
shut, and never quite closed its eyes. Along each step below a gap is linear, so it is met by going part of the way.

The network tells lips that touch as some millimetres apart (up to 4 on four people's faces): it was taught where lips
are, not where they meet. So little counts as shut.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from ..head import EXPRESSIONS, load_head, moving
from ..types import Array, Face, FaceState
from .types import Avatar

LAYOUT = "mediapipe478"
_LIPS = ((13, 14), (82, 87), (312, 317), (81, 178), (311, 402))
_RIGHT, _LEFT = ((159, 145), (158, 153), (160, 144)), ((386, 374), (385, 380), (387, 373))
_LIPS_SHUT_M, _LIPS_APART_M = 0.0035, 0.009
"""Gaps of lips that touch, and from which on they are taken as told."""
_SHUT = 1.4  # a coefficient of 1 lowers the model's lid by 8 mm; eyes are open by up to 11

Step = tuple[tuple[int, ...], float, float]
"""Coefficients that go together, the value they go towards, and the most of what lacks that they make up for."""


@dataclass(frozen=True, slots=True)
class _Gap:
    """Upper and lower points of the layout, and what is done in turn to widen and to narrow what lies between."""

    pairs: tuple[tuple[int, int], ...]
    widen: tuple[Step, ...]
    narrow: tuple[Step, ...]


def _step(names: str, towards: float, most: float = 1.0) -> Step:
    return tuple(EXPRESSIONS.index(name) for name in names.split()), towards, most


_LOWER_LIP = "mouthLowerDownLeft mouthLowerDownRight"
_OPEN_MOUTH = f"jawOpen {_LOWER_LIP} mouthUpperUpLeft mouthUpperUpRight"
_GAPS = (
    _Gap(
        _LIPS,
        # Less than no mouthClose lowers the lower lip before the jaw, and without the chin: a jaw alone swung too far.
        (_step("mouthClose", 0.0), _step("mouthClose", -0.13, 0.5), _step("jawOpen", 1.0)),
        (_step(_OPEN_MOUTH, 0.0), _step("mouthClose", 1.0)),
    ),
    *(
        _Gap(
            pairs,
            (_step(f"eyeBlink{side}", 0.0), _step(f"eyeWide{side}", 1.0)),
            (_step(f"eyeWide{side}", 0.0), _step(f"eyeBlink{side}", 1.0), _step(f"eyeBlink{side}", _SHUT)),
        )
        for side, pairs in (("Right", _RIGHT), ("Left", _LEFT))
    ),
)


class Driver:
    """Of one avatar; about 0.1 ms a frame."""

    def __init__(self, avatar: Avatar) -> None:
        head = load_head()
        rows = head.layouts[LAYOUT]
        self._rest = _gaps(rows.of(avatar.neutral))
        self._modes = _gaps(rows.of(head.expression))  # (52, gaps)

    def state(self, face: Face) -> FaceState:
        """The face's state with the expression that the head is to be drawn with."""
        return replace(face.state, expression=self.expression(face.state.expression, face.landmarks_head(LAYOUT)))

    def expression(self, expression: Array, points: Array) -> Array:
        """(52,): an `expression` (52,) changed so that the head's gaps are those of `points` (478, 3), metres, head
        frame. Coefficients stay within 0..1, but for lids, which may need more to shut, and mouthClose (-0.13)."""
        out = np.array(expression, dtype=np.float32)
        wanted = np.maximum(_gaps(points), 0.0)
        wanted[0] = lips_apart(float(wanted[0]))
        for i, gap in enumerate(_GAPS):
            now = self._gap(out, i)
            left = float(wanted[i]) - now
            for group, towards, most in gap.widen if left > 0 else gap.narrow:
                if left == 0.0:
                    break
                some = list(group)
                there = out.copy()
                there[some] = towards
                effect = self._gap(there, i) - now
                if effect * left > 0:
                    share = min(1.0, most * left / effect)
                    out[some] += np.float32(share) * (there[some] - out[some])
                    now, left = now + share * effect, left - share * effect
        return out

    def _gap(self, expression: Array, which: int) -> float:
        return float(self._rest[which] + moving(expression) @ self._modes[:, which])


def lips_apart(told: float) -> float:
    """How far lips are apart that are told to be `told` apart, both metres."""
    share = min(max((told - _LIPS_SHUT_M) / (_LIPS_APART_M - _LIPS_SHUT_M), 0.0), 1.0)
    return told * share * share * (3 - 2 * share)


def _gaps(points: npt.NDArray[np.float32]) -> Array:
    """(..., 478, 3) -> (..., gaps): how far the upper points lie above the lower ones, metres."""
    apart = [np.mean([points[..., up, 1] - points[..., low, 1] for up, low in gap.pairs], axis=0) for gap in _GAPS]
    return np.ascontiguousarray(np.stack(apart, axis=-1), dtype=np.float32)
