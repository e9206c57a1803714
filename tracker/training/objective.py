"""What a step of training minimises: a batch through normalizer, trunk and field, and the terms of its loss."""

from __future__ import annotations

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor

from ..detection.crop import CROP, ROI
from . import asl
from .batches import Batch
from .losses import Targets, imitation, losses
from .network import Model, Prediction
from .sampling import crop_affine, cut, random_similarity, resample
from .variants import Variant


@dataclass(slots=True)
class Objective:
    """Terms of the loss by name, already weighted. `shapes` (n, 92) are good fits' identity and expression, for the
    critic; `seed` draws what is drawn here."""

    model: Model
    teacher: Model | None
    variant: Variant
    seed: int
    shapes: Tensor | None = None

    def __call__(self, batch: Batch, step: int, progress: float) -> dict[str, Tensor]:
        """The terms of a batch; `progress` is 0..1 through the run."""
        device = self.model.field.base.device
        pictures = batch.pictures.to(device).permute(0, 3, 1, 2).float()
        targets = Targets(**{f: getattr(batch.targets, f).to(device) for f in Targets.__slots__})
        draws = torch.Generator().manual_seed(self.seed * 1_000_003 + step)
        extra: dict[str, Tensor] = {}
        affine: Tensor | None = None
        with torch.autocast(device.type, dtype=torch.bfloat16):
            if batch.region:
                view = F.avg_pool2d(pictures, 3)
                o = self.model.normalizer(view) if self.variant.normalizer else view.new_zeros(len(view), 4)
                with torch.autocast(device.type, enabled=False):
                    affine = crop_affine(o)
                    pictures = cut(pictures, affine)
                    if self.variant.normalizer:
                        extra["agreement"] = self._agreement(view, affine, targets.face, draws)
                        extra["identity"] = (0.02 if progress < 0.5 else 0.002) * (o**2).sum(1).mean()
                        extra["coverage"] = _coverage(affine, targets.points, targets.weights)
        labels, size = targets.points, targets.size
        if affine is not None and self.variant.shown:
            labels, size = _inside(affine.detach(), labels), size / _scale(affine.detach())
        if self.variant.shown:
            pictures = torch.cat([pictures, asl.shown(labels, targets.weights, size, draws)], 1)
        prediction = self._read(self.model, pictures)
        if self.teacher is not None:
            with torch.no_grad():
                told = self._read(self.teacher, pictures)
            extra |= imitation(prediction, told, targets.face)
        if self.variant.again:
            second = self._read(self.model, torch.cat([pictures[:, :3], asl.own_map(prediction)], 1))
            extra |= asl.again(prediction, second, labels, targets.weights, size)
        if self.model.critic is not None and self.shapes is not None:
            fitted = self.shapes[torch.randint(len(self.shapes), (len(labels),), generator=draws)].to(device)
            extra["critic"] = self.model.critic.term(prediction, fitted, targets.face)
        points = prediction.points
        if affine is not None:
            # For a while the normalizer learns from the pixels alone: through the mapping it would be a
            # landmark regressor in disguise.
            where = affine.detach() if progress < 0.25 else affine
            points = torch.einsum("bcd,bqd->bqc", where[:, :, :2], points) + where[:, None, :, 2]
            prediction = _turned(prediction, where)
        terms = losses(prediction, points, targets, warm=progress < 0.03) | extra
        return {name: term for name, term in terms.items() if name not in self.variant.without}

    @staticmethod
    def _read(model: Model, pictures: Tensor) -> Prediction:
        channels = pictures[:, : model.landmarks.channels]  # a teacher may know of no map
        with torch.autocast(pictures.device.type, dtype=torch.bfloat16):
            code = model.landmarks(channels.contiguous(memory_format=torch.channels_last))
        return model.read(code.float())

    def _agreement(self, view: Tensor, affine: Tensor, face: Tensor, draws: torch.Generator) -> Tensor:
        """Two regions round one face must be cut alike: the view is moved by a known similarity, and the crop that
        the normalizer then cuts is carried back. Distances of the crops' corners, in regions' sides."""
        moved = random_similarity(len(view), draws).to(view.device)
        other = crop_affine(self.model.normalizer(resample(view, moved)))
        corners = torch.tensor([[0.0, 0], [CROP, 0], [0, CROP], [CROP, CROP]], device=view.device)
        mine = torch.einsum("bcd,kd->bkc", affine[:, :, :2], corners) + affine[:, None, :, 2]
        theirs = torch.einsum("bcd,kd->bkc", other[:, :, :2], corners) + other[:, None, :, 2]
        back = torch.einsum("bcd,bkd->bkc", moved[:, :, :2], theirs) + moved[:, None, :, 2]
        off = ((mine - back) ** 2).sum(-1).add(1e-3).sqrt().mean(1) / ROI
        return 3.0 * (off * face).sum() / face.sum().clamp_min(1)


def _scale(affine: Tensor) -> Tensor:
    return torch.hypot(affine[:, 0, 0], affine[:, 1, 0])


def _inside(affine: Tensor, points: Tensor) -> Tensor:
    """Points of a region (B, Q, 2) in the pixels of the crop that an affine cuts out of it."""
    return torch.einsum("bcd,bqd->bqc", torch.linalg.inv(affine[:, :, :2]), points - affine[:, None, :, 2])


def _turned(p: Prediction, affine: Tensor) -> Prediction:
    """A prediction of a crop, its rotation and depth carried into the region."""
    scale = _scale(affine)
    turn = torch.zeros_like(p.rotation)
    turn[:, :2, :2] = affine[:, :, :2] / scale[:, None, None]
    turn[:, 2, 2] = 1
    p.rotation = turn @ p.rotation
    p.depth = p.depth * scale[:, None]
    return p


def _coverage(affine: Tensor, points: Tensor, weights: Tensor) -> Tensor:
    """Labelled points that the crop leaves out, squared crop sides."""
    half = CROP / 2
    over = torch.relu((_inside(affine, points) - half).abs() - 0.9 * half) ** 2 / half**2
    known = (weights > 0).float()
    return (over.sum(-1) * known).sum() / known.sum().clamp_min(1)
