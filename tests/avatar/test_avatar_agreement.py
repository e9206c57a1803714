"""Whether pictures of one person give one shape."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from tracker.avatar.agreement import CLIPS, PICTURES, Person, evenly, identity_figures, person_of
from tracker.avatar.fit import Seen, landmarks_of
from tracker.avatar.render import viewpoint
from tracker.head import Basis, load_head
from tracker.types import Array, Face

RANDOM = np.random.default_rng(2)
NOTHING = np.zeros((0, 50, 3), np.float32)


def person(shapes: Array, name: str = "p", misfits: tuple[float, float, float] | None = None) -> Person:
    return Person(name, "report", CLIPS, shapes.astype(np.float32), shapes.astype(np.float32), NOTHING, None, misfits)


def people(count: int, own: float, noise: float, pictures: int = 5) -> list[Person]:
    base = RANDOM.normal(size=(50, 3))
    means = base + RANDOM.normal(0, own, (count, 1, 50, 3))
    return [person(mean + RANDOM.normal(0, noise, (pictures, 50, 3))) for mean in means]


def test_shapes_of_a_person_are_compared_with_those_between_persons() -> None:
    figures = identity_figures(people(60, 0.003, 0.001))["fitted"]
    assert figures["within_mm"] == pytest.approx(np.sqrt(3), rel=0.05)
    assert figures["between_mm"] == pytest.approx(np.sqrt(3) * 3.0, rel=0.1)
    assert figures["low"] < figures["ratio"] < figures["high"] < 0.4
    assert figures["told_apart"] == 1.0
    assert (figures["persons"], figures["pictures"]) == (60, 300)


def test_two_pictures_of_each_deviate_as_many_do() -> None:
    few, many = (identity_figures(people(80, 0.003, 0.002, n))["fitted"]["within_mm"] for n in (2, 20))
    assert few == pytest.approx(many, rel=0.1)


def test_a_shape_that_is_everybodys_tells_nobody_apart() -> None:
    assert identity_figures(people(30, 0.0, 0.001))["fitted"]["told_apart"] == pytest.approx(0.5, abs=0.05)


def test_the_interval_is_wider_with_fewer_persons() -> None:
    few, many = (identity_figures(people(n, 0.001, 0.001))["fitted"] for n in (6, 100))
    assert few["high"] - few["low"] > 2 * (many["high"] - many["low"])


def test_one_person_alone_is_compared_with_nobody() -> None:
    assert identity_figures(people(1, 0.003, 0.001)) == {}


def test_misfits_are_averaged_where_they_are_known() -> None:
    some = people(3, 0.003, 0.001)
    some += [replace(p, misfits=m) for p, m in zip(some, [(0.01, 0.02, 0.03), (0.03, 0.02, 0.05)], strict=False)]
    figures = identity_figures(some)["fitted"]
    assert [figures[k] for k in ("own", "another", "expected", "own_better")] == pytest.approx([2.0, 2.0, 4.0, 0.5])


def pictures(identity: Array, yaws: list[float]) -> list[Seen]:
    basis = Basis(load_head())
    return [landmarks_of(Face(replace(viewpoint(yaw, 3, 256), identity=identity), basis)) for yaw in yaws]


def test_some_are_picked_evenly_with_both_ends() -> None:
    assert evenly(list(range(11)), 3) == [0, 5, 10] and evenly([4, 5], 6) == [4, 5] and evenly([], 6) == []


def test_a_persons_pictures_are_fitted_one_by_one_and_by_thirds() -> None:
    first, second = (np.where(np.arange(40) < 8, RANDOM.normal(0, 1.5, 40), 0).astype(np.float32) for _ in range(2))
    yaws = [float(y) for y in np.linspace(-30, 30, 15)]
    before = person_of("a", "report", CLIPS, pictures(first, yaws[::7]))
    frames = pictures(second, yaws)
    own = person_of("b", "report", CLIPS, evenly(frames, PICTURES), frames, before.first)
    assert before.misfits is None and len(before.turns) == 0 and len(before.shapes) == 3
    assert len(own.shapes) == len(own.network) == 6 and len(own.turns) == 3
    figures = identity_figures([before, own])["fitted"]
    assert figures["ratio"] < 0.6 and figures["told_apart"] == 1.0 and figures["own_better"] == 1.0
    assert identity_figures([before, own])["network"]["within_mm"] == pytest.approx(0, abs=1e-3)
