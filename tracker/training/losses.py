"""Losses: 2D labels through the projection, depth and rotation of fitted sets, priors, presence."""

from __future__ import annotations

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor

from ..detection.crop import CROP
from .network import Prediction
from .packs import SETS, SLICES

POINT = 20.0  # of the mean distance in face sizes
NLL = 0.35
SHAPES = 3.0
OPENINGS = 1.5
LIDS_AND_LIPS = ((37, 41), (38, 40), (43, 47), (44, 46), (61, 67), (62, 66), (63, 65))
MESH_LIDS_AND_LIPS = (
    (160, 144), (159, 145), (158, 153), (385, 380), (386, 374), (387, 373), (81, 178), (13, 14), (311, 402)
)  # fmt: skip
OPENED = (
    ("merl68", "merl68", LIDS_AND_LIPS), ("ibug68", "merl68", LIDS_AND_LIPS),
    ("mediapipe478", "mediapipe478", MESH_LIDS_AND_LIPS),
)  # fmt: skip
"""Whose points open as whose labels say. Nobody blinks in the images that are labelled as ibug68: what those 121 teach
of lids is that they never close. The points mean the same as merl68's, but for the contour."""


@dataclass(slots=True)
class Targets:
    """A batch's labels; see `augment.Example`."""

    points: Tensor
    weights: Tensor
    depth: Tensor
    rotation: Tensor
    blend: Tensor
    size: Tensor
    face: Tensor


def losses(p: Prediction, points: Tensor, t: Targets, warm: bool) -> dict[str, Tensor]:
    """Named terms, already weighted; their sum is what is minimised.

    `points` are the prediction's in the frame of the targets (B, Q, 2); `warm` leaves the deviations untrained.
    """
    size = t.size[:, None]
    distance = torch.sqrt(((points - t.points) ** 2).sum(-1) + 1e-3) / size
    log_std = p.log_std.clamp(-6.2, -0.7)
    # Laplace likelihood with the deviation's own weight taken out in part (beta-NLL, arXiv:2203.09168), so that
    # hard points keep their gradient.
    likelihood = (2**0.5 * distance * torch.exp(-log_std) + 2 * log_std) * torch.exp(0.5 * log_std).detach() * 5
    place = torch.zeros_like(t.face)
    trust = torch.zeros_like(t.face)
    nll = torch.zeros_like(t.face)
    for s in SETS:
        part = SLICES[s.name]
        w = t.weights[:, part]
        count = w.sum(1).clamp_min(1e-6)
        there = s.weight * (w.sum(1) > 0)
        place = place + there * (w * distance[:, part]).sum(1) / count
        nll = nll + there * (w * likelihood[:, part]).sum(1) / count
        trust = trust + there
    labelled = trust > 0
    share = labelled / trust.clamp_min(1e-6) / labelled.sum().clamp_min(1)
    out = {"points": POINT * (place * share).sum()}
    if not warm:
        out["nll"] = NLL * (nll * share).sum()
    out["depth"] = 3.0 * _depth(p, t)
    known = torch.isfinite(t.rotation[:, 0, 0])
    truth = torch.where(known[:, None, None], t.rotation, torch.eye(3, device=points.device))
    # The chordal distance stays smooth where the angle's derivative does not.
    chord = ((p.rotation - truth) ** 2).sum((1, 2)).add(1e-6).sqrt()
    # The calibration images' rotations are the definition; the other sets' are a teacher's, degrees off.
    certain = 0.4 + 1.6 * (t.weights[:, SLICES["aflw2000_68"]].sum(1) > 0)
    out["rotation"] = (certain * chord * known).sum() / known.sum().clamp_min(1)
    out["blend"] = SHAPES * _shapes(p.raw_expression, t.blend)
    out["openings"] = _openings(points, t)
    face = t.face[:, None]
    out["priors"] = (
        0.02 * (p.identity**2 * face).mean()
        + 0.02 * (p.residual**2 * face).mean()
        + 0.2 * (((p.raw_expression - p.raw_expression.clamp(0, 1)) ** 2) * face).mean()
        + 0.05 * (p.nearness**2 * face).mean()
        + 0.02 * ((p.bend / 0.003) ** 2).mean()
        + 0.02 * ((p.turning / 0.01) ** 2).sum(1).mean()
        + 0.01 * ((p.offset / 0.005) ** 2).mean()
        + 0.01 * ((p.offset.mean(0) / 0.002) ** 2).sum()  # what all sets share belongs to the head's frame
    )
    out["presence"] = 0.3 * F.binary_cross_entropy_with_logits(p.presence, t.face)
    return out


def _shapes(said: Tensor, truth: Tensor) -> Tensor:
    """How far the 52 shapes are off: most rest in most pictures, and a plain mean would be content with a network that
    never blinks."""
    return _deviations_off(said, truth, least=0.03)


def _deviations_off(said: Tensor, truth: Tensor, least: float) -> Tensor:
    """Mean over what is known (NaN where not) of (B, k) values' errors, each in its own deviation over the batch.
    Squared up to two deviations, because a distance would settle at the median, and in most pictures eyes are open."""
    known = torch.isfinite(truth).float()
    told, count = torch.nan_to_num(truth), known.sum(0).clamp_min(1)
    middle = (told * known).sum(0) / count
    usual = (((told - middle) ** 2 * known).sum(0) / count).sqrt().clamp_min(least)
    off = F.huber_loss(said / usual, told / usual, reduction="none", delta=2.0)
    return (off * known).sum() / known.sum().clamp_min(1)


def imitation(p: Prediction, told: Prediction, face: Tensor) -> dict[str, Tensor]:
    """How far a pupil is from its teacher on the same crops: every set's points, the turn and the shapes."""
    mask = face[:, None]
    distance = ((p.points - told.points) ** 2).sum(-1).add(1e-3).sqrt() / (0.6 * CROP)
    place = torch.stack([distance[:, SLICES[s.name]].mean(1) for s in SETS]).mean(0)
    chord = ((p.rotation - told.rotation) ** 2).sum((1, 2)).add(1e-6).sqrt()
    return {
        "told_points": POINT * (place * face).sum() / face.sum().clamp_min(1),
        "told_rotation": 0.5 * (chord * face).sum() / face.sum().clamp_min(1),
        "told_shapes": 0.4 * _shapes(p.raw_expression, torch.where(mask > 0, told.expression, torch.nan)),
        "told_spread": 0.05 * ((p.log_std - told.log_std).abs() * mask).mean(),
    }


def _depth(p: Prediction, t: Targets) -> Tensor:
    """Relative depth of a fitted 68-point set, in face sizes; its zero is arbitrary."""
    known = torch.isfinite(t.depth[:, 0])
    total = p.depth.new_zeros(())
    for name in ("tddfa68", "aflw2000_68"):
        part = SLICES[name]
        use = known & (t.weights[:, part].sum(1) > 0)
        mine, truth = p.depth[:, part], torch.nan_to_num(t.depth)
        off = (mine - mine.mean(1, keepdim=True)) - (truth - truth.mean(1, keepdim=True))
        total = total + ((off.abs().mean(1) / t.size) * use).sum() / use.sum().clamp_min(1)
    return total


def _openings(points: Tensor, t: Targets) -> Tensor:
    """How far lids and lips are open: small distances that a mean over points forgets, in their own deviations over
    the batch for the reasons of `_shapes`."""
    terms = []
    for name, labelled, pairs in OPENED:
        ends = torch.tensor(pairs, device=points.device).T
        one, two = ends + SLICES[name].start
        a, b = ends + SLICES[labelled].start
        known = (t.weights[:, a] > 0.9) & (t.weights[:, b] > 0.9)
        said = (points[:, one] - points[:, two]).norm(dim=-1) / t.size[:, None]
        truth = (t.points[:, a] - t.points[:, b]).norm(dim=-1) / t.size[:, None]
        terms.append((said, torch.where(known, truth, torch.nan)))
    said, truth = (torch.cat(parts, 1) for parts in zip(*terms, strict=True))
    return OPENINGS * _deviations_off(said, truth, least=0.005)
