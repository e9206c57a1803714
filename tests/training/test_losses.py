"""The losses of small distances: lids and lips."""

from __future__ import annotations

import torch

from tracker.training.losses import OPENED, Targets, _openings
from tracker.training.packs import SLICES, TOTAL

UPPER, LOWER = 37, 41
"""Of the right eye, in sets of 68."""


def labelled(name: str, upper_y: float, lower_y: float, faces: int = 4) -> Targets:
    """Faces of 60 px of which one pair of one set's lids is known."""
    points, weights = torch.zeros(faces, TOTAL, 2), torch.zeros(faces, TOTAL)
    for point, y in ((UPPER, upper_y), (LOWER, lower_y)):
        points[:, SLICES[name].start + point, 1] = y
        weights[:, SLICES[name].start + point] = 1.0
    nothing = torch.zeros(faces)
    return Targets(points, weights, nothing, nothing, nothing, torch.full((faces,), 60.0), torch.ones(faces))


def said(opening: float, faces: int = 4) -> torch.Tensor:
    points = torch.zeros(faces, TOTAL, 2)
    for name in ("merl68", "ibug68"):
        points[:, SLICES[name].start + LOWER, 1] = opening
    return points


def test_hand_labelled_lids_teach_both_sets_of_68() -> None:
    points = said(4.0).requires_grad_()
    loss = _openings(points, labelled("merl68", 50.0, 51.0))  # shut by 3 px more than was said, wherever it lies
    (slope,) = torch.autograd.grad(loss, points)
    for name in ("merl68", "ibug68"):
        start = SLICES[name].start
        assert (slope[:, start + LOWER, 1] > 0).all() and (slope[:, start + UPPER, 1] < 0).all()
    assert float(_openings(said(1.0), labelled("merl68", 50.0, 51.0))) < 1e-6 < loss.item()


def test_lids_that_never_close_teach_nothing_of_openings() -> None:
    assert "ibug68" not in {labels for _, labels, _ in OPENED}
    points = said(4.0).requires_grad_()
    (slope,) = torch.autograd.grad(_openings(points, labelled("ibug68", 50.0, 51.0)), points)
    assert not slope.any()


def test_a_network_that_never_blinks_loses_as_much_where_lids_move_less() -> None:
    """Openings count in their deviations over the batch."""

    def unblinking(shut: float) -> float:
        truth = labelled("merl68", 50.0, 54.0)
        truth.points[0, SLICES["merl68"].start + LOWER, 1] = 50.0 + shut
        return float(_openings(said(4.0), truth))

    assert abs(unblinking(1.0) - unblinking(2.5)) < 1e-4 and unblinking(1.0) > 0.1
