"""Persons of a pack, seen from several sides."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from tracker.errors import SourceError
from tracker.training.portraits import portraits, shown

RANDOM = np.random.default_rng(4)


def test_edges_that_were_repeated_are_cut_off() -> None:
    picture = RANDOM.integers(0, 255, (60, 60, 3), dtype=np.uint8)
    padded = np.pad(picture, ((9, 4), (0, 7), (0, 0)), mode="edge")
    kept, corner = shown(padded)
    # The one of the repeated rows that is the picture's own goes too: compression has mixed it with the others.
    assert corner.tolist() == [0, 10]
    assert np.array_equal(kept, picture[1:-1, :-1])


def test_a_missing_pack_is_named(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match="ytf"):
        portraits(tmp_path)
