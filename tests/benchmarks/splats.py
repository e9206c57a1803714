"""What one frame of a personal head's splats costs outside the window's thread: posed, lit, culled and sorted.

    python tests/benchmarks/splats.py HEAD --out splats.json

Processor time of the preparing thread alone, for --count of the head's splats (or all, where it has fewer), each frame
with another pose and expression. The least is what it costs, the median what other work on the machine makes of it.
"""

from __future__ import annotations

import argparse
import json
import os
from dataclasses import replace
from pathlib import Path
from statistics import median

import numpy as np

from tracker.avatar.render import viewpoint
from tracker.avatar.seed import seeds
from tracker.avatar.splats import Splats
from tracker.avatar.store import load_avatar
from tracker.avatar.types import Avatar
from tracker.head import Basis, load_head
from tracker.types import Array, Face, rotation_from_angles
from ui.person.prepare import Asked, Person, SplatArrays, prepare


def thinned(avatar: Avatar, count: int) -> Avatar:
    """The avatar with so many of its splats; those of its texture where it has none of its own."""
    splats = seeds(avatar) if avatar.splats is None else Splats.of(avatar.splats)
    if len(splats) > count:
        splats = splats.take(np.random.default_rng(0).choice(len(splats), count, replace=False))
    return replace(avatar, splats=splats.arrays())


def lively(at: int) -> Array:
    """(52,) coefficients of a frame: none is nought, as a network's never are."""
    return np.asarray(np.abs(0.2 * np.sin(0.1 * at + np.arange(52))), dtype=np.float32)


def main() -> None:
    asked = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    asked.add_argument("head", type=Path, help="a head's folder")
    asked.add_argument("--out", type=Path, required=True)
    asked.add_argument("--count", type=int, default=30_000)
    asked.add_argument("--frames", type=int, default=200)
    options = asked.parse_args()
    person = Person.of(thinned(load_avatar(options.head), options.count))
    basis = Basis(load_head())
    seconds, shown = [], []
    for i in range(options.frames):
        rotation = rotation_from_angles(25 * np.sin(0.05 * i), 8 * np.sin(0.07 * i))
        state = replace(viewpoint(0.0, 0.0, 256, lively(i)), rotation=rotation)
        prepared = prepare(Asked(person, Face(state, basis), rotation, 0.6))
        assert isinstance(prepared, SplatArrays)
        seconds.append(prepared.seconds)
        shown.append(len(prepared.sprites))
    assert person.stage is not None
    figures = {
        "splats": len(person.stage),
        "shown": round(median(shown)),
        "least_ms": round(1e3 * min(seconds), 2),
        "median_ms": round(1e3 * median(seconds), 2),
        "load": os.getloadavg()[0],
    }
    print(figures)
    options.out.write_text(json.dumps(figures, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
