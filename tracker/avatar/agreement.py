"""Whether pictures of one person give one shape: beside how persons differ, and whether it is worth having.

Agreeing alone is no merit (the mean head agrees with itself), so two more things are asked: whether two pictures of a
person lie nearer to one another than to somebody else's, and whether the shape from one picture explains another
picture of the person better than somebody else's shape and the expected shape do.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeVar

import numpy as np
import numpy.typing as npt

from ..head import load_head
from ..types import Array
from .fit import ROUNDS, Seen, fit_alone, fit_views
from .identity import load_expected

CLIPS = "clips"
PICTURES = 6
"""So many of a person's pictures are fitted at most, singly and of each third of a clip."""
_STRETCHES, _LEAST_OF_A_STRETCH = 3, 5
_DRAWS = 1000
_LOW, _HIGH = 5.0, 95.0
_Some = TypeVar("_Some")


@dataclass(frozen=True, slots=True, eq=False)
class Person:
    """One person in several pictures; `source` says where from. Of the face, (pictures, vertices, 3) m: `shapes` as
    fitted to single pictures, `network` as the network says by itself, and `turns` as fitted to frames of each third of
    a clip (none of a few pictures)."""

    name: str
    half: str
    source: str
    shapes: Array
    network: Array
    turns: Array
    first: Array | None = None
    """The identity (40,) fitted to the first picture."""
    misfits: tuple[float, float, float] | None = None
    """What is left of the last picture, RMS in shares of the face's size, with the shape of the first picture, with
    another person's and with the expected one."""


def person_of(
    name: str,
    half: str,
    source: str,
    pictures: Sequence[Seen],
    frames: Sequence[Seen] = (),
    another: Array | None = None,
) -> Person:
    """Fit each of the person's `pictures`, and thirds of a clip's `frames` where there are enough; `another` person's
    identity (40,) is what the own one is compared with."""
    fitted = [fit_alone(picture).identity for picture in pictures]
    turns = []
    for stretch in range(_STRETCHES) if len(frames) >= _STRETCHES * _LEAST_OF_A_STRETCH else ():
        first, behind = (len(frames) * k // _STRETCHES for k in (stretch, stretch + 1))
        turns.append(fit_views(evenly(frames[first:behind], PICTURES)).identity)
    misfits = None
    if another is not None and len(pictures) > 1:
        tried = (fitted[0], another, load_expected().mean)
        own, others, expected = (fit_views(pictures[-1:], shape, ROUNDS, known=True).misfit for shape in tried)
        misfits = own, others, expected
    told = [picture.start.identity for picture in pictures]
    return Person(name, half, source, _faces(fitted), _faces(told), _faces(turns), fitted[0], misfits)


def evenly(some: Sequence[_Some], most: int) -> list[_Some]:
    """At most so many of them, evenly spread, the first and the last among them."""
    return [some[int(i)] for i in np.linspace(0, len(some) - 1, min(most, len(some)))]


def _vertices() -> npt.NDArray[np.intp]:
    """The face without neck, ears and the back of the head."""
    head = load_head()
    front = (np.abs(head.mean[:, 0]) < 0.07) & (head.mean[:, 2] > -0.06)
    return np.flatnonzero(np.isin(head.region, (0, 3)) & front)


def _faces(identities: Sequence[Array]) -> Array:
    head, face = load_head(), _vertices()
    if not identities:
        return np.zeros((0, len(face), 3), np.float32)
    return np.asarray(np.tensordot(np.stack(identities), head.identity[:, face], 1) + head.mean[face], dtype=np.float32)


def identity_figures(people: Sequence[Person]) -> dict[str, dict[str, float]]:
    """Of "fitted", "network" and "turns" shapes: standard deviation in mm of a vertex over one person's pictures
    ("within_mm"), of the persons' means ("between_mm"), their "ratio" and the 90 % interval of it over the choice of
    persons ("low", "high"), "told_apart" (how often a picture lies nearer to another one of its person than to somebody
    else's; 0.5 is chance), and the numbers of "persons" and "pictures". Of "fitted" also what misfits say of it, where
    they are known: RMS in percent with the "own" shape, with "another" person's and with the "expected" one, and how
    often the own one is better than the other person's ("own_better")."""
    out = {}
    for key in ("fitted", "network", "turns"):
        several = [shapes for shapes in (_by_key(person, key) for person in people) if len(shapes) > 1]
        shapes = [own.reshape(len(own), -1).astype(np.float64) for own in several]
        if len(shapes) > 1:
            out[key] = _compared(shapes, people[0].shapes.shape[1])
    misfits = np.array([person.misfits for person in people if person.misfits is not None])
    if "fitted" in out and len(misfits):
        own, another, expected = (100 * misfits.mean(0)).tolist()
        better = float((misfits[:, 0] < misfits[:, 1]).mean())
        out["fitted"] |= {"own": own, "another": another, "expected": expected, "own_better": better}
    return out


def _by_key(person: Person, key: str) -> Array:
    return {"fitted": person.shapes, "network": person.network, "turns": person.turns}[key]


def _compared(shapes: Sequence[npt.NDArray[np.float64]], vertices: int) -> dict[str, float]:
    """`shapes`: each person's (pictures, 3 vertices)."""
    spread = np.array([((s - s.mean(0)) ** 2).sum() / (len(s) - 1) for s in shapes]) / vertices
    means = np.stack([s.mean(0) for s in shapes])
    means -= means.mean(0)
    products = means @ means.T / vertices

    def figures(who: npt.NDArray[np.intp]) -> tuple[float, float]:
        apart = np.trace(products[np.ix_(who, who)]) - products[np.ix_(who, who)].sum() / len(who)
        return float(np.sqrt(spread[who].mean())), float(np.sqrt(max(apart, 0.0) / (len(who) - 1)))

    within, between = figures(np.arange(len(shapes)))
    random = np.random.default_rng(0)
    drawn = [figures(random.integers(0, len(shapes), len(shapes))) for _ in range(_DRAWS)]
    low, high = np.percentile([w / b for w, b in drawn if b > 0] or [np.nan], [_LOW, _HIGH])
    return {
        "within_mm": 1000 * within, "between_mm": 1000 * between,
        "ratio": within / between if between > 0 else float("nan"), "low": float(low), "high": float(high),
        "told_apart": _told_apart(shapes), "persons": len(shapes), "pictures": sum(len(s) for s in shapes),
    }  # fmt: skip


def _told_apart(shapes: Sequence[npt.NDArray[np.float64]]) -> float:
    flat = np.concatenate(list(shapes))
    flat = flat - flat.mean(0)
    whose = np.repeat(np.arange(len(shapes)), [len(s) for s in shapes])
    length = (flat**2).sum(1)
    apart = length[:, None] + length[None] - 2 * flat @ flat.T
    np.fill_diagonal(apart, np.nan)
    persons = []
    for person in range(len(shapes)):
        rows = apart[whose == person]
        own, others = rows[:, whose == person], rows[:, whose != person]
        nearer = (own[:, :, None] < others[:, None, :]).mean(2)
        persons.append(nearer[np.isfinite(own)].mean())
    return float(np.mean(persons))
