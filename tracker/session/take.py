"""One face of a session, an entry a frame."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from ..types import FaceState, Pose

if TYPE_CHECKING:
    from .replay import Session

Numbers = npt.NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Take:
    """One face over all captured frames: `rows` (F,) of the table, -1 where it was not there; `time` (F,) seconds
    from the first frame."""

    session: Session
    face: int | None
    rows: npt.NDArray[np.int64]
    time: Numbers

    def __len__(self) -> int:
        return len(self.rows)

    @property
    def found(self) -> npt.NDArray[np.bool_]:
        """(F,)"""
        return self.rows >= 0

    @cached_property
    def held(self) -> npt.NDArray[np.bool_]:
        """(F,) where nobody saw the face, and the filter went on giving it; these do not count as found."""
        session = self.session
        mine = (session.column("face_id") == self.face) & session.held
        return np.isin(session.frames, session.column("frame_index")[mine]) & ~self.found

    def values(self, name: str) -> Numbers:
        """(F, ...) of a column of the raw or stable values, NaN where the face was not there."""
        return self._spread(self.session.values(name))

    def column(self, name: str) -> Numbers:
        """(F, ...) of any column of numbers."""
        return self._spread(self.session.column(name))

    @cached_property
    def poses(self) -> tuple[Pose | None, ...]:
        """(F) poses in the camera."""
        states = (self.session.state(int(row)) if row >= 0 else None for row in self.rows)
        return tuple(None if state is None else state.pose for state in states)

    def states(self) -> Iterator[FaceState | None]:
        """One a frame."""
        for row in self.rows:
            yield self.session.state(int(row)) if row >= 0 else None

    def _spread(self, values: npt.NDArray[Any]) -> Numbers:
        spread = np.full((len(self), *values.shape[1:]), np.nan)
        spread[self.found] = values[self.rows[self.found]]
        return spread
