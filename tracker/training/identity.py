"""Learning the shape that is to be expected, and what single pictures tell of a person's.

Of free packs the means of fits to many people, each pack counting as much as another. Of persons who are seen several
times how persons differ and how one person's pictures do (Prince and Elder 2007; by moments), packs counting alike too;
the half of the persons that `head evaluate` reports on is left out.
"""

from __future__ import annotations

import logging
import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from ..avatar.figures import half_of
from ..avatar.fit import Seen, fit_views, landmarks_of, loose_shape
from ..avatar.identity import HOLD, MODEL, Alone, Expected, save_expected
from ..avatar.mirror import both_ways
from ..detection.follow import FaceTracker
from ..detection.regions import Box
from ..errors import ModelError
from ..types import Array, Image
from .packs import FREE_PACKS, load_rows
from .portraits import SEVERAL, acquaintances

log = logging.getLogger(__name__)

_LEAST_PRESENCE, _CLEAR = 0.5, 0.75
_LEAST_PERSONS = 10
_CALM = 0.15
"""Share by which covariances between modes are taken back: so many persons do not tell them better."""
Floats = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class IdentityConfig:
    """data: the folder of packs; out: the file to write. `pictures` of each of `packs` are used at most for means;
    `several` are the packs that show persons several times."""

    data: Path
    out: Path
    packs: tuple[str, ...] = FREE_PACKS
    pictures: int = 150
    rounds: int = 6
    several: tuple[str, ...] = SEVERAL


def learn_identity(config: IdentityConfig) -> tuple[int, int]:
    """Learn and save; returns the numbers of pictures and of persons who were seen several times.

    Raises ModelError where a pack shows no clear face or too few persons, SourceError.
    """
    tracker = FaceTracker(engine="onnx")
    mean, photographs, used = _strangers(config, tracker)
    prior = Expected(mean, HOLD)
    held = [np.mean([fit_views([seen], expected=prior).identity for seen in some], axis=0) for some in photographs]
    loosely = [np.mean([loose_shape(seen, mean) for seen in some], axis=0) for some in photographs]
    loose = np.asarray(np.mean(loosely, axis=0), dtype=np.float32)
    between, within = [], []
    persons = 0
    for pack in config.several:
        people = _acquainted(config, pack, tracker, loose)
        persons += len(people)
        used += sum(map(len, people))
        apart, own = covariances(people)
        between.append(apart)
        within.append(own)
    about = {
        "packs": list(config.packs), "several": list(config.several), "persons": persons, "pictures": used,
        "rounds": config.rounds, "weights": tracker.model_info.get("sha256", {}),
    }  # fmt: skip
    alone = Alone(np.mean(held, axis=0), loose, telling(_calm(between), _calm(within)))
    save_expected(mean, alone, about, config.out)
    return used, persons


def _strangers(config: IdentityConfig, tracker: FaceTracker) -> tuple[Array, list[list[Seen]], int]:
    """The mean of the free packs' mean shapes (40,), what each pack's pictures say as photographs, and their number."""
    means, photographs, used = [], [], 0
    for pack in config.packs:
        rows = load_rows(config.data, (pack,))
        order = sorted(np.flatnonzero(rows.trainable), key=lambda i: zlib.crc32(str(rows.name[i]).encode()))
        shapes: list[Array] = []
        some: list[Seen] = []
        for i in order[: config.pictures]:
            box = _box(rows.box[i])
            face = tracker.look(rows.images[i], box)
            if face.presence >= _LEAST_PRESENCE:
                shapes.append(fit_views([landmarks_of(face)], rounds=config.rounds, expected=MODEL).identity)
            some += _photographed(tracker, rows.images[i], box)
        if not shapes or not some:
            raise ModelError(f"No face of {pack} is clear enough to fit a shape to.")
        log.info("%s: %d pictures fitted", pack, len(shapes))
        means.append(np.mean(shapes, axis=0))
        photographs.append(some)
        used += len(shapes)
    return np.asarray(np.mean(means, axis=0), dtype=np.float32), photographs, used


def _acquainted(config: IdentityConfig, pack: str, tracker: FaceTracker, loose: Array) -> list[Array]:
    """Of each person of the tuned half whom the pack shows several times, the pictures' loose shapes (pictures, 40)."""
    people = []
    for portrait in acquaintances(config.data, (pack,), one_video=False):
        if half_of(portrait.name) == "tune":
            looked = [seen for _, image, box in portrait.pictures for seen in _photographed(tracker, image, box)]
            people.append([loose_shape(seen, loose, config.rounds) for seen in looked])
    several = [np.stack(shapes) for shapes in people if len(shapes) > 1]
    log.info("%s: %d persons in %d pictures fitted", pack, len(several), sum(map(len, several)))
    if len(several) < _LEAST_PERSONS:
        raise ModelError(f"{pack} shows {len(several)} persons more than once; {_LEAST_PERSONS} are wanted.")
    return several


def _box(box: Array) -> Box:
    x0, y0, x1, y1 = (float(v) for v in box)
    return x0, y0, x1, y1


def _photographed(tracker: FaceTracker, image: Image, box: Box) -> list[Seen]:
    """What a picture says, looked at as a photograph is; nothing where it shows no clear face."""
    face = tracker.detect(image, [box])[0]
    return [both_ways(image, face, tracker)] if face.presence >= _CLEAR else []


def covariances(people: Sequence[npt.NDArray[Any]]) -> tuple[Floats, Floats]:
    """Between persons and within one, each (K, K), of shapes (pictures, K) of each person. What pictures of one person
    make the persons' means differ by is taken off."""
    means = np.stack([shapes.mean(0) for shapes in people]).astype(np.float64)
    off = np.concatenate([shapes - mean for shapes, mean in zip(people, means, strict=True)])
    within = off.T @ off / (len(off) - len(people))
    between = np.cov(means.T) - within * np.mean([1 / len(shapes) for shapes in people])
    values, vectors = np.linalg.eigh(between)
    return (vectors * np.maximum(values, 0)) @ vectors.T, within


def telling(between: Floats, within: Floats) -> Array:
    """What a shape that differs from the mean by (K,) tells of the person's, (K, K): the mean of the persons who have
    such pictures."""
    return np.asarray(np.linalg.solve(between + within, between).T, dtype=np.float32)


def _calm(parts: Sequence[Floats]) -> Floats:
    """The packs' mean covariance, with less of what modes have in common; positive."""
    mean = np.mean(parts, axis=0)
    return np.asarray((1 - _CALM) * mean + np.diag(_CALM * np.diag(mean) + 1e-4), dtype=np.float64)
