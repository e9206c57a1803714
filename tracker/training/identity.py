"""Learning the shape that is to be expected: the mean of fits to pictures of many people."""

from __future__ import annotations

import logging
import zlib
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from ..avatar.fit import fit_views, landmarks_of
from ..avatar.identity import MODEL, save_expected
from ..detection.follow import FaceTracker
from ..errors import ModelError
from ..types import Array
from .packs import FREE_PACKS, load_rows

log = logging.getLogger(__name__)

_LEAST_PRESENCE = 0.5


@dataclass(frozen=True, slots=True)
class IdentityConfig:
    """data: the folder of packs; out: the file to write. `pictures` of each pack are used at most."""

    data: Path
    out: Path
    packs: tuple[str, ...] = FREE_PACKS
    pictures: int = 150
    rounds: int = 6


def learn_identity(config: IdentityConfig) -> tuple[Array, int]:
    """Fit pictures of the packs, save the mean of the packs' mean shapes, (40,), and return it with their number.

    Validation rows are left out. Raises ModelError where a pack shows no clear face, SourceError.
    """
    tracker = FaceTracker(engine="onnx")
    means, used = [], 0
    for pack in config.packs:
        rows = load_rows(config.data, (pack,))
        order = sorted(np.flatnonzero(rows.trainable), key=lambda i: zlib.crc32(str(rows.name[i]).encode()))
        shapes = []
        for i in order[: config.pictures]:
            x0, y0, x1, y1 = (float(v) for v in rows.box[i])
            face = tracker.look(rows.images[i], (x0, y0, x1, y1))
            if face.presence >= _LEAST_PRESENCE:
                shapes.append(fit_views([landmarks_of(face)], rounds=config.rounds, expected=MODEL).identity)
            if len(shapes) % 50 == 49:
                log.info("%s: %d pictures fitted", pack, len(shapes) + 1)
        if not shapes:
            raise ModelError(f"No face of {pack} is clear enough to fit a shape to.")
        means.append(np.mean(shapes, axis=0))
        used += len(shapes)
    mean = np.asarray(np.mean(means, axis=0), dtype=np.float32)
    about = {
        "packs": list(config.packs), "pictures": used, "rounds": config.rounds,
        "weights": tracker.model_info.get("sha256", {}),
    }  # fmt: skip
    save_expected(mean, about, config.out)
    return mean, used
