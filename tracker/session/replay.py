"""A session's folder, read back: what it says of itself, its table column by column, and the states in it.

session = open_session(folder)
session.column("stable_ibug68")          # (rows, 136), NaN where there was no face
session.take().poses                     # of the face that is there longest, one entry a frame
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import Any, Literal

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.parquet as pq

from ..errors import ModelError, SourceError
from ..head import Basis, load_head
from ..types import Camera, Face, FaceState, LandmarkBasis
from .about import read_about
from .arrays import values_of
from .columns import DENSE, POINTS
from .table import PARQUET, STREAM, read_stream
from .take import Take
from .video import VIDEO

log = logging.getLogger(__name__)

NEEDED = ("frame_index", "time_s", "state", "face_id")
"""Columns without which a table says nothing."""

Which = Literal["raw", "stable"]


@dataclass(frozen=True, eq=False)
class Session:
    """An open session. `about` is its session.json; `which` values are meant where none are named: "raw" or "stable".

    `basis` evaluates landmarks of rebuilt faces; None where the model that recorded the session is not installed.
    `corrected`: columns of points of which a person moved some, and that are, as the faces are, as the person put them.
    """

    folder: Path
    about: Mapping[str, Any]
    names: tuple[str, ...]
    basis: LandmarkBasis | None = None
    which: Which = "stable"
    corrected: tuple[str, ...] = ()
    _source: Path = field(default=Path(), repr=False)
    _kept: dict[str, npt.NDArray[Any]] = field(default_factory=dict, repr=False)

    def showing(self, which: Which) -> Session:
        """The same session, with the raw or the stable values."""
        return replace(self, which=which)

    @property
    def table(self) -> Path:
        """The file that the rows are in: Parquet, or the stream of a recording that was cut short."""
        return self._source

    @property
    def rows(self) -> int:
        return len(self.column("frame_index"))

    @cached_property
    def frames(self) -> npt.NDArray[np.int64]:
        """(F,) indices of the captured frames, in order."""
        return np.unique(self.column("frame_index")).astype(np.int64)

    @cached_property
    def held(self) -> npt.NDArray[np.bool_]:
        """(rows,) where nobody saw the face and the filter went on giving it for a moment."""
        return np.asarray(self.column("state") == "held", dtype=bool)

    @cached_property
    def faces(self) -> tuple[int, ...]:
        """Ids, the one that was seen in the most frames first."""
        ids = self.column("face_id")[~self.held]
        ids, counts = np.unique(ids[np.isfinite(ids)], return_counts=True)
        return tuple(int(i) for i in ids[np.argsort(-counts, kind="stable")])

    @property
    def size(self) -> tuple[int, int]:
        """Width and height of the picture, pixels; zeros where the session does not say."""
        source = self.about.get("source", {})
        return int(source.get("width", 0)), int(source.get("height", 0))

    @property
    def fps(self) -> float:
        """Nominal frames a second; measured from the times where the session does not say."""
        told = float(self.about.get("source", {}).get("fps", 0.0) or 0.0)
        if told > 0.0:
            return told
        times = np.unique(self.column("time_s"))
        return float(1.0 / np.median(np.diff(times))) if times.size > 1 else 30.0

    @property
    def video(self) -> Path | None:
        """The clean video, where there is one."""
        path = self.folder / VIDEO
        return path if path.is_file() else None

    def column(self, name: str) -> npt.NDArray[Any]:
        """(rows,) or (rows, length) float64 with NaN for null; words as (rows,) objects with None for null.

        Raises SourceError where the table has no such column.
        """
        if name not in self.names:
            raise SourceError(
                f"The table of {self.folder} has no column {name!r}, which this needs; it was written without it or "
                "edited. Restore the table, or leave this out."
            )
        if name not in self._kept:
            values = values_of(self._read([name])[name])
            values.flags.writeable = False
            if DENSE in name:  # too large to keep all of them
                return values
            self._kept[name] = values
        return self._kept[name]

    def values(self, name: str) -> npt.NDArray[Any]:
        """A column that is there raw and stable: `values("blendshapes")` is "stable_blendshapes"."""
        return self.column(f"{self.which}_{name}")

    def state(self, row: int) -> FaceState | None:
        """The state of a row; None where no face was found."""
        parts = self._parts
        if not np.isfinite(parts["scale"][row]):
            return None

        def vector(name: str) -> npt.NDArray[np.float32]:
            return np.ascontiguousarray(parts[name][row], dtype=np.float32)

        return state_of(lambda name: float(parts[name][row]), vector)

    @cached_property
    def both(self) -> tuple[Session, Session]:
        """The session with its raw and with its stable values."""
        return self.showing("raw"), self.showing("stable")

    def face(self, row: int) -> Face | None:
        """The face of a row, rebuilt. Raises ModelError where the model that recorded it is not installed."""
        state = self.state(row)
        if state is None:
            return None
        if self.basis is None:
            raise ModelError(
                f"The model that recorded {self.folder} is not installed; its landmarks can only be read from the "
                "table, not evaluated anew."
            )
        presence, name = self.column("presence")[row], self.column("face_id")[row]
        told = self.column("carried")[row].reshape(2, -1) if "carried" in self.names else np.zeros((2, 0))
        told = told[:, np.isfinite(told).all(0)]  # a turn that was not told, or in earlier recordings not asked for
        carried = told if told.shape[1] >= 3 else None
        away = 0.0
        if self.held[row]:
            seen = np.flatnonzero((self.column("face_id")[:row] == name) & ~self.held[:row])
            time = self.column("time_s")
            away = float(time[row] - time[seen[-1]]) if seen.size else 1e-3
        face = Face(state, self.basis, float(presence), int(name), carried, held=away)
        for layout in (POINTS, DENSE):
            if (column := f"{self.which}_{layout}") in self.corrected:
                points = self.column(column)[row]
                if np.isfinite(points).all():
                    face._kept["px", layout] = np.ascontiguousarray(points.reshape(-1, 2), dtype=np.float32)
        return face

    def take(self, face: int | None = None) -> Take:
        """One face over all frames in which it was seen; the one that was seen most where none is named.

        Raises SourceError for a face that the session does not have.
        """
        if face is None:
            face = self.faces[0] if self.faces else None
        elif face not in self.faces:
            known = ", ".join(map(str, self.faces)) or "none at all"
            raise SourceError(f"{self.folder} has no face {face}; it has {known}.")
        index, times = self.column("frame_index"), self.column("time_s")
        rows = np.full(len(self.frames), -1, np.int64)
        first = np.unique(index, return_index=True)[1]
        if face is not None:
            mine = np.flatnonzero((self.column("face_id") == face) & ~self.held)
            rows[np.searchsorted(self.frames, index[mine])] = mine
        return Take(self, face, rows, times[first] - (times[first[0]] if first.size else 0.0))

    @cached_property
    def _parts(self) -> dict[str, npt.NDArray[Any]]:
        both = "rotation centre_x centre_y scale nearness identity blendshapes residual spread"
        parts = {name: self.values(name) for name in both.split()}
        return {**parts, **{name: self.column(f"camera_{name}") for name in ("focal", "cx", "cy")}}

    def _read(self, names: Sequence[str]) -> pa.Table:
        try:
            if self._source.suffix == ".parquet":
                return pq.read_table(str(self._source), columns=list(names))
            return pa.Table.from_batches(list(read_stream(self._source))).select(list(names))
        except (OSError, pa.ArrowInvalid) as error:
            raise SourceError(f"{self._source} cannot be read ({error}); restore it from a copy.") from error


def open_session(folder: str | Path, run: str | None = None) -> Session:
    """Open a session's folder, also one whose recording was cut short (what is whole of its stream is read).

    `run` is a pass that `reprocess` made; without one the original is opened. Raises SourceError for a folder that is
    none, that a newer version wrote, or whose parts are missing or damaged.
    """
    folder = Path(folder)
    about = read_about(folder)
    source = folder / (PARQUET if run is None else f"frames_{run}.parquet")
    if run is not None and not source.is_file():
        raise SourceError(f"{folder} has no pass {run!r}; make it with `stillpoint reprocess`.")
    if not source.is_file():
        source = folder / STREAM
    if not source.is_file():
        raise SourceError(f"{folder} is half a session: there is neither {PARQUET} nor {STREAM}; restore the table.")
    names = _names(source)
    missing = [name for name in NEEDED if name not in names]
    if missing:
        raise SourceError(
            f"{source} lacks {', '.join(missing)}: it was edited or is no table of a session; restore it from a copy."
        )
    return Session(folder, about, names, _basis_of(about), _source=source)


def state_of(number: Callable[[str], float], vector: Callable[[str], npt.NDArray[np.float32]]) -> FaceState:
    """A state from its parts by the names that a table's columns end in."""
    return FaceState(
        rotation=vector("rotation").reshape(3, 3),
        centre=np.array([number("centre_x"), number("centre_y")], np.float32),
        scale=number("scale"),
        nearness=number("nearness"),
        camera=Camera(number("focal"), number("cx"), number("cy")),
        identity=vector("identity"),
        expression=vector("blendshapes"),
        residual=vector("residual"),
        spread=vector("spread"),
    )


def _names(source: Path) -> tuple[str, ...]:
    try:
        if source.suffix == ".parquet":
            return tuple(pq.read_schema(str(source)).names)
    except (OSError, pa.ArrowInvalid) as error:
        raise SourceError(f"{source} is damaged ({error}); restore it from a copy.") from error
    for batch in read_stream(source):
        return tuple(batch.schema.names)
    raise SourceError(f"{source} holds nothing whole: the recording was cut before its first second was over.")


def _basis_of(about: Mapping[str, Any]) -> LandmarkBasis | None:
    """Of the model that recorded it, where that is installed unchanged."""
    from ..detection.weights import load_weights

    model = about.get("model")
    if not isinstance(model, dict) or not model.get("name"):
        return None
    try:
        weights = load_weights(str(model["name"]))
    except ModelError:
        return None
    if _network(weights.info.get("sha256")) != _network(model.get("sha256")):
        log.info("the model %s has changed since the recording", model["name"])
        return None
    return Basis(load_head(), weights.field)


def _network(hashes: Any) -> Any:
    """The hash of the network that said the states: how a face was found does not matter for what is read of them."""
    return hashes.get("landmarks.onnx", hashes) if isinstance(hashes, dict) else hashes
