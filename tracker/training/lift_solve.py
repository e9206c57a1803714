"""Fits of the head model to many faces at once: robust Gauss-Newton over pose, identity and expression.

One face's unknowns: a turn (3), the head origin's pixel (2), log scale, log nearness, the depth's zero, identity (40)
and expression (52, in 0..1). Points are weighed by Geman and McClure's function, whose width falls from round to
round; identity has a Gaussian prior, expression an exponential one. All faces of a batch are solved together.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from ..head import EXPRESSIONS
from .lift_points import DEPTH_SIGMA, TRUST, LiftPoints
from .packs import SETS

IDENTITY, EXPRESSION = 40, 52
POSE = 8
UNKNOWN = POSE + IDENTITY + EXPRESSION
NEVER = [POSE + IDENTITY + EXPRESSIONS.index("tongueOut")]


@dataclass(frozen=True, slots=True)
class Recipe:
    """How far what is trusted: `evidence` weighs labels against priors, `expression` is the exponential prior's
    mean, `identity` the Gaussian's deviation (in the model's), `nearness` (1/m) what is expected and `nearness_log`
    the deviation of its logarithm; `widths` one round each, in deviations."""

    evidence: float = 40.0
    identity: float = 1.0
    expression: float = 0.12
    nearness: float = 0.1
    """Hardly any perspective: 3DMM teachers and pose labels know none, and a fit that assumes one turns the head."""
    nearness_log: float = 0.3
    depth: float = 1.0
    widths: tuple[float, ...] = (20.0, 12.0, 12.0, 12.0, 12.0, 8.0, 6.0, 4.0, 3.0, 3.0)
    still: int = 2
    """Rounds at the start in which only the pose moves."""


@dataclass(slots=True)
class Problem:
    """B faces: `points` (B, P, 2) px, `weights` (B, P) 0..1, `depth` (B, P) px (NaN where unknown), `size` (B,) px,
    `rotation` (B, 3, 3) to start from."""

    points: Tensor
    weights: Tensor
    depth: Tensor
    size: Tensor
    rotation: Tensor


@dataclass(slots=True)
class Fit:
    """What was found for B faces: see `FaceState` for the names; `inlier` (B, P) 0..1, `residual` (B, P) face sizes
    (NaN where there is no label), `predicted` (B, P, 2) px."""

    rotation: Tensor
    centre: Tensor
    scale: Tensor
    nearness: Tensor
    identity: Tensor
    expression: Tensor
    inlier: Tensor
    residual: Tensor
    predicted: Tensor


class Solver:
    """Solves problems over one table of labels."""

    def __init__(self, table: LiftPoints, recipe: Recipe) -> None:
        self.recipe = recipe
        self.base = torch.from_numpy(table.base)
        self.modes = torch.from_numpy(table.modes)
        self.sigma = torch.from_numpy(table.sigma)
        self.member = torch.zeros(len(SETS), len(table.base))
        self.member[torch.from_numpy(table.which), torch.arange(len(table.base))] = 1.0
        self.trust = torch.tensor([TRUST[s.name] for s in SETS])
        self.free = torch.ones(UNKNOWN)
        self.free[NEVER] = 0.0

    @torch.no_grad()
    def solve(self, p: Problem, widths: tuple[float, ...] | None = None) -> Fit:
        """Fit all faces of a problem; every face needs some labels."""
        share = self._shares(p.weights)
        state = self._start(p, share)
        for number, width in enumerate(widths or self.recipe.widths):
            self._round(state, p, share, width, pose_only=number < self.recipe.still)
        seen = self._place(state)[0]
        predicted, error, _ = self._errors(state, seen, p)
        residual = torch.where(p.weights > 0, (predicted - p.points).norm(dim=-1) / p.size[:, None], torch.nan)
        inlier = _kept(error.norm(dim=-1) / 2**0.5, self.recipe.widths[-1])
        return Fit(
            state["rotation"], state["centre"], state["scale"], state["nearness"],
            state["identity"], state["expression"], inlier, residual, predicted,
        )  # fmt: skip

    def _shares(self, weights: Tensor) -> Tensor:
        """(B, P): what each label counts; a set is worth `trust` times the root of the points it has there."""
        count = weights @ self.member.T  # (B, sets)
        worth = self.trust * count.sqrt() / count.clamp_min(1e-6)
        return self.recipe.evidence / 8.0 * weights * (worth @ self.member)

    def _start(self, p: Problem, share: Tensor) -> dict[str, Tensor]:
        seen = self.base @ p.rotation.transpose(1, 2)
        total = share.sum(1)
        mean = (share[..., None] * seen).sum(1) / total[:, None]
        middle = (share[..., None] * p.points).sum(1) / total[:, None]
        arm = (seen - mean[:, None])[..., :2]
        scale = ((share[..., None] * arm * (p.points - middle[:, None])).sum((1, 2))) / (share[..., None] * arm**2).sum(
            (1, 2)
        ).clamp_min(1e-9)
        scale = torch.maximum(scale, p.size * 2.0)
        b = len(scale)
        return {
            "rotation": p.rotation.clone(),
            "centre": middle - scale[:, None] * mean[:, :2],
            "scale": scale,
            "nearness": torch.full((b,), self.recipe.nearness),
            "zero": torch.zeros(b),
            "identity": torch.zeros(b, IDENTITY),
            "expression": torch.zeros(b, EXPRESSION),
            "damping": torch.full((b,), 1e-3),
        }

    def _place(self, state: dict[str, Tensor]) -> tuple[Tensor, Tensor]:
        codes = torch.cat([state["identity"], state["expression"]], 1)
        k, q, _ = self.modes.shape
        points = self.base + (codes @ self.modes.reshape(k, -1)).reshape(-1, q, 3)
        return points @ state["rotation"].transpose(1, 2), points

    def _errors(self, state: dict[str, Tensor], seen: Tensor, p: Problem) -> tuple[Tensor, Tensor, Tensor]:
        """Predicted pixels (B, P, 2), their errors and the depth's (B, P), in deviations."""
        divide = 1.0 / (1.0 + state["nearness"][:, None] * seen[..., 2]).clamp_min(0.05)
        predicted = state["centre"][:, None] + state["scale"][:, None, None] * seen[..., :2] * divide[..., None]
        unit = 1.0 / (self.sigma * p.size[:, None])
        error = (predicted - p.points) * unit[..., None]
        depth = (-state["scale"][:, None] * seen[..., 2] + state["zero"][:, None] - p.depth) / (
            DEPTH_SIGMA * p.size[:, None]
        )
        return predicted, error, torch.nan_to_num(depth)

    def _round(self, state: dict[str, Tensor], p: Problem, share: Tensor, width: float, pose_only: bool) -> None:
        r = self.recipe
        seen, _ = self._place(state)
        scale, nearness = state["scale"][:, None], state["nearness"][:, None]
        if pose_only:  # the depth's zero, free of the rest
            known = torch.isfinite(p.depth)
            off = torch.where(known, p.depth + scale * seen[..., 2], 0.0).sum(1)
            state["zero"] = off / known.sum(1).clamp_min(1)
        _, error, depth_error = self._errors(state, seen, p)
        weight = share * _weight(error.norm(dim=-1) / 2**0.5, width)
        depth_weight = r.depth * share * torch.isfinite(p.depth) * _weight(depth_error, width)
        jacobian, depth_jacobian = self._jacobians(state, seen, p, pose_only)
        b, q = share.shape
        deep = torch.isfinite(p.depth).any(0)
        rows = torch.cat([jacobian.reshape(b, 2 * q, -1), depth_jacobian[:, deep]], 1)
        values = torch.cat([error.reshape(b, 2 * q), depth_error[:, deep]], 1)
        weights = torch.cat([weight.repeat_interleave(2, 1), depth_weight[:, deep]], 1)
        rows = rows * weights.sqrt()[..., None]
        normal = rows.transpose(1, 2) @ rows
        slope = (rows.transpose(1, 2) @ (values * weights.sqrt())[..., None])[..., 0]
        diagonal = torch.full((rows.shape[2],), 1e-2)
        closeness = torch.log(nearness[:, 0] / r.nearness)
        diagonal[6] += 1 / r.nearness_log**2
        slope[:, 6] += closeness / r.nearness_log**2
        free = torch.ones_like(slope)
        if not pose_only:
            diagonal[POSE : POSE + IDENTITY] += 1 / r.identity**2
            diagonal[POSE + IDENTITY :] += 1.0
            slope[:, POSE : POSE + IDENTITY] += state["identity"] / r.identity**2
            slope[:, POSE + IDENTITY :] += 1 / r.expression
            beta = state["expression"]
            pushed = slope[:, POSE + IDENTITY :]
            free[:, POSE + IDENTITY :] = 1.0 - ((beta <= 0) & (pushed > 0) | (beta >= 1) & (pushed < 0)).float()
            free = free * self.free
        normal = normal * free[:, :, None] * free[:, None, :]
        spread = torch.diagonal(normal, dim1=1, dim2=2) * state["damping"][:, None]
        normal += torch.diag_embed((diagonal + spread) * free + (1 - free))
        factor = torch.linalg.cholesky(normal)
        step = -torch.cholesky_solve((slope * free)[..., None], factor)[..., 0]
        moved = self._moved(state, step, p, pose_only)
        seen, _ = self._place(moved)
        _, error_after, depth_after = self._errors(moved, seen, p)
        before = self._cost(state, weight, error, depth_weight, depth_error)
        after = self._cost(moved, weight, error_after, depth_weight, depth_after)
        better = after <= before
        for name, value in moved.items():
            mask = better.reshape(-1, *[1] * (value.ndim - 1))
            state[name] = torch.where(mask, value, state[name])
        state["damping"] = torch.where(better, state["damping"] / 3, state["damping"] * 8).clamp(1e-4, 1e3)

    def _cost(
        self, state: dict[str, Tensor], weight: Tensor, error: Tensor, depth_weight: Tensor, depth_error: Tensor
    ) -> Tensor:
        """(B,) what a round makes smaller, its weights held."""
        r = self.recipe
        data = (weight * (error**2).sum(-1)).sum(1) + (depth_weight * depth_error**2).sum(1)
        close = torch.log(state["nearness"] / r.nearness) / r.nearness_log
        prior = (state["identity"] ** 2).sum(1) / r.identity**2 + 2 * state["expression"].sum(1) / r.expression
        return data + prior + close**2

    def _jacobians(self, state: dict[str, Tensor], seen: Tensor, p: Problem, pose_only: bool) -> tuple[Tensor, Tensor]:
        """d error / d unknown (B, P, 2, K) and d depth error / d unknown (B, P, K)."""
        b, q, _ = seen.shape
        scale, nearness = state["scale"][:, None], state["nearness"][:, None]
        divide = 1.0 / (1.0 + nearness * seen[..., 2]).clamp_min(0.05)
        unit = 1.0 / (self.sigma * p.size[:, None])
        slope = seen.new_zeros(b, q, 3, 3)  # rows x, y, depth by the seen point
        gain = scale * divide * unit
        slope[..., 0, 0] = slope[..., 1, 1] = gain
        slope[..., :2, 2] = -(gain * nearness * divide)[..., None] * seen[..., :2]
        deep = 1.0 / (DEPTH_SIGMA * p.size[:, None])
        slope[..., 2, 2] = -scale * deep
        size = POSE if pose_only else UNKNOWN
        out = seen.new_zeros(b, q, 3, size)
        # A small turn w moves a seen point by w x X.
        x, y, z = seen.unbind(-1)
        nil = torch.zeros_like(x)
        cross = torch.stack([nil, z, -y, -z, nil, x, y, -x, nil], -1).reshape(b, q, 3, 3)
        out[..., :3] = slope @ cross
        out[..., 0, 3] = out[..., 1, 4] = p.size[:, None] * unit
        out[..., :2, 5] = gain[..., None] * seen[..., :2]
        out[..., 2, 5] = -scale * seen[..., 2] * deep
        out[..., :2, 6] = -(gain * divide * nearness * seen[..., 2])[..., None] * seen[..., :2]
        out[..., 2, 7] = p.size[:, None] * deep
        if not pose_only:
            turned = slope @ state["rotation"][:, None]  # (B, P, 3, 3) by the head-frame point
            out[..., POSE:] = torch.einsum("bqij,kqj->bqik", turned, self.modes)
        return out[..., :2, :], out[..., 2, :]

    def _moved(self, state: dict[str, Tensor], step: Tensor, p: Problem, pose_only: bool) -> dict[str, Tensor]:
        turn = step[:, :3]
        turn = turn * (0.5 / turn.norm(dim=1, keepdim=True).clamp_min(0.5))
        nearness = torch.log(state["nearness"] / self.recipe.nearness) + step[:, 6].clamp(-0.5, 0.5)
        moved = state | {
            "rotation": torch.linalg.matrix_exp(_skew(turn)) @ state["rotation"],
            "centre": state["centre"] + step[:, 3:5] * p.size[:, None],
            "scale": state["scale"] * torch.exp(step[:, 5].clamp(-0.3, 0.3)),
            "nearness": self.recipe.nearness * torch.exp(nearness.clamp(-1, 1)),
            "zero": state["zero"] + step[:, 7] * p.size,
        }
        if not pose_only:
            change = step[:, POSE : POSE + IDENTITY].clamp(-1.5, 1.5)
            moved["identity"] = (state["identity"] + change).clamp(-3.5, 3.5)
            moved["expression"] = (state["expression"] + step[:, POSE + IDENTITY :].clamp(-0.5, 0.5)).clamp(0, 1)
        return moved


def _weight(error: Tensor, width: float) -> Tensor:
    """Geman and McClure's weight of errors in deviations."""
    return (width**2 / (width**2 + error**2)) ** 2


def _kept(error: Tensor, width: float) -> Tensor:
    return _weight(error, width)


def _skew(turn: Tensor) -> Tensor:
    x, y, z = turn.unbind(1)
    nil = torch.zeros_like(x)
    return torch.stack([nil, -z, y, z, nil, -x, -y, x, nil], 1).reshape(-1, 3, 3)


def numpy_problem(
    points: np.ndarray, weights: np.ndarray, depth: np.ndarray, size: np.ndarray, rotation: np.ndarray
) -> Problem:
    """Arrays -> a problem."""
    parts = (
        torch.from_numpy(np.ascontiguousarray(a, dtype=np.float32)) for a in (points, weights, depth, size, rotation)
    )
    return Problem(*parts)
