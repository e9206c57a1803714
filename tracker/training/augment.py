"""Augmentation on uint8 pictures with OpenCV: fourteen times faster on a CPU than on tensors.

`Sampler` draws a training example: a region or a crop round the face, badly placed as a locator or a fast head
places it, its labels moved along, its colours, sharpness and occlusion as bad cameras and rooms make them.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt

from ..detection.crop import CROP, CROP_SHARE, ROI, ROI_SIDE, apply, invert, sample, similarity
from ..head import expression_flip, load_head
from .glasses import SHARE, place, wear
from .negatives import HardPool, Picture, drawn
from .packs import SETS, SLICES, TOTAL, Rows

Rng = np.random.Generator
_BORDERS = (cv2.BORDER_CONSTANT, cv2.BORDER_CONSTANT, cv2.BORDER_REPLICATE, cv2.BORDER_REFLECT_101)


def point_flip() -> npt.NDArray[np.intp]:
    """(TOTAL,) the mirror partner of every labelled point."""
    layouts = load_head().layouts
    return np.concatenate([SLICES[s.name].start + layouts[s.layout].flip for s in SETS])


@dataclass(frozen=True, slots=True, eq=False)
class Example:
    """`image` (S, S, 3) uint8; `points` (TOTAL, 2) its pixels; `weights` (TOTAL,); `depth` (68,) px, NaN unknown;
    `rotation` (3, 3), NaN unknown; `blend` (52,), NaN unknown; `size` px; `face` 1 or 0."""

    image: Picture
    points: npt.NDArray[np.float32]
    weights: npt.NDArray[np.float32]
    depth: npt.NDArray[np.float32]
    rotation: npt.NDArray[np.float32]
    blend: npt.NDArray[np.float32]
    size: float
    face: float


@dataclass(frozen=True, slots=True)
class Jitter:
    """How badly a region is placed: largest log-scale, shift (of its side) and roll (radians); `crops` is the share of
    it by which crops are, which the normalizer has cut."""

    log_scale: float = 0.25
    shift: float = 0.17
    roll: float = 0.61
    crops: float = 0.7

    def draw(self, rng: Rng, region: bool) -> tuple[float, npt.NDArray[np.float64], float]:
        """(scale, shift (2,), roll). One region in five goes further, as after a jump or a wide locator box."""
        if not region:
            draws = rng.uniform(-self.crops, self.crops, 4) * (self.log_scale, self.shift, self.shift, self.roll)
            return float(np.exp(draws[0])), draws[1:3], float(draws[3])
        wide = rng.random() < 0.2
        low, high = (-0.35, 0.55) if wide else (-self.log_scale, self.log_scale)
        shift, roll = (0.25, 1.0) if wide else (self.shift, self.roll)
        return float(np.exp(rng.uniform(low, high))), rng.uniform(-shift, shift, 2), float(rng.uniform(-roll, roll))


class Sampler:
    """Draws examples from rows; `negatives` are pictures without faces, `hard` those that were taken for one."""

    def __init__(
        self, rows: Rows, negatives: list[Picture], jitter: Jitter | None = None, hard: HardPool | None = None
    ) -> None:
        self.rows = rows
        self.negatives = negatives
        self.jitter = jitter or Jitter()
        self.hard = hard
        self._flip = point_flip()
        self._blend_flip = expression_flip()
        self._partner = load_head().layouts["aflw2000_68"].flip

    def face(self, index: int, rng: Rng, region: bool) -> Example:
        """One face: the whole region (ROI px, for the normalizer) or a crop (CROP px)."""
        rows = self.rows
        box = rows.box[index]
        side = float(max(box[2] - box[0], box[3] - box[1])) * ROI_SIDE
        scale, shift, roll = self.jitter.draw(rng, region)
        size = ROI if region else CROP
        if not region:
            side *= CROP_SHARE
        centre = (box[:2] + box[2:]) / 2 + shift * side
        affine = similarity(centre, side * scale, roll, size)
        image = sample(rows.images[index], affine, size, int(rng.choice(_BORDERS)))
        per_px = size / (side * scale)
        points = apply(invert(affine), rows.points[index])
        turn = np.array([[np.cos(roll), np.sin(roll), 0], [-np.sin(roll), np.cos(roll), 0], [0, 0, 1]], np.float32)
        rotation, weights, blend = turn @ rows.rotation[index], rows.weights[index], rows.blend[index]
        depth = rows.depth[index] * per_px
        if rng.random() < 0.5:
            mirror = np.diag([-1.0, 1.0, 1.0]).astype(np.float32)
            image = np.ascontiguousarray(image[:, ::-1])
            points = points[self._flip] * np.array([-1, 1], np.float32) + np.array([size, 0], np.float32)
            weights, blend, depth = weights[self._flip], blend[self._blend_flip], depth[self._partner]
            rotation = mirror @ rotation @ mirror
        if rng.random() < SHARE and (pair := place(points, rotation, rng)) is not None:
            image = wear(image, pair, rng)
        extent = float(np.sqrt((box[2] - box[0]) * (box[3] - box[1])) * per_px)
        return Example(
            degrade(self._occlude(image, rng), rng),
            points.astype(np.float32),
            weights,
            depth.astype(np.float32),
            rotation.astype(np.float32),
            blend,
            extent,
            1.0,
        )

    def nothing(self, rng: Rng, region: bool, fresh: bool = False) -> Example:
        """No face: a piece of a faceless picture, or a face so far off that it must not be claimed."""
        size, luck = ROI if region else CROP, rng.random()
        if not fresh and self.hard is not None and len(self.hard) and luck < 0.35:
            picture, centre, side = self.hard.draw(rng), rng.uniform(0.45, 0.55, 2) * ROI, ROI * rng.uniform(0.7, 1.0)
        elif luck < 0.45:
            picture = drawn(rng)
            side = rng.uniform(0.3, 1.0) * picture.shape[0]
            centre = rng.uniform(0.3, 0.7, 2) * picture.shape[0]
        elif self.negatives and luck < 0.85:
            picture = self.negatives[rng.integers(len(self.negatives))]
            h, w = picture.shape[:2]
            side = rng.uniform(0.15, 1.0) * min(h, w)
            centre = rng.uniform(0, 1, 2) * (w, h)
        else:
            index = int(rng.integers(len(self.rows)))
            picture, box = self.rows.images[index], self.rows.box[index]
            side = float(max(box[2] - box[0], box[3] - box[1]))
            away = rng.uniform(0, 2 * np.pi)
            centre = (box[:2] + box[2:]) / 2 + 0.9 * side * np.array([np.cos(away), np.sin(away)])
            side *= rng.uniform(0.25, 1.0)
        affine = similarity(centre, side, rng.uniform(-0.8, 0.8), size)
        image = sample(picture, affine, size, int(rng.choice(_BORDERS)))
        nan = np.float32(np.nan)
        return Example(
            degrade(image, rng),
            np.zeros((TOTAL, 2), np.float32),
            np.zeros(TOTAL, np.float32),
            np.full(68, nan),
            np.full((3, 3), nan),
            np.full(52, nan),
            float(size) / 2,
            0.0,
        )

    def _occlude(self, image: Picture, rng: Rng) -> Picture:
        """One or two things in front of a third of the faces: shapes of one colour, or pieces of other pictures."""
        if rng.random() > 0.33:
            return image
        out, size = image.copy(), image.shape[0]
        for _ in range(int(rng.integers(1, 3))):
            mask = np.zeros((size, size), np.uint8)
            centre = tuple(int(v) for v in rng.uniform(0, size, 2))
            axes = tuple(int(v) for v in rng.uniform(0.06, 0.28, 2) * size)
            angle = float(rng.uniform(0, 180))
            if rng.random() < 0.5:
                cv2.ellipse(mask, centre, axes, angle, 0, 360, 255, -1)
            else:
                corners = cv2.boxPoints((centre, (2.0 * axes[0], 2.0 * axes[1]), angle))
                cv2.fillConvexPoly(mask, corners.astype(np.int32), 255)
            if self.negatives and rng.random() < 0.5:
                picture = self.negatives[rng.integers(len(self.negatives))]
                h, w = picture.shape[:2]
                filling = sample(
                    picture, similarity(rng.uniform(0.2, 0.8, 2) * (w, h), 0.5 * min(h, w), angle, size), size
                )
            else:
                filling = np.full_like(out, rng.integers(0, 256, 3).astype(np.uint8))
            out[mask > 0] = filling[mask > 0]
        return out


def degrade(image: Picture, rng: Rng) -> Picture:
    """Light, colour, blur, resolution, noise and compression of ordinary cameras; p and ranges are moderate."""
    size = image.shape[0]
    if rng.random() < 0.8:
        ramp = np.arange(256, dtype=np.float32)[:, None] / 255
        gain = rng.uniform(0.7, 1.35) * rng.uniform(0.9, 1.1, 3)
        curve = np.clip((ramp ** rng.uniform(0.65, 1.5) - 0.5) * rng.uniform(0.75, 1.25) + 0.5, 0, 1) * gain
        table = np.clip(curve * 255 + rng.uniform(-20, 20), 0, 255).astype(np.uint8)
        image = cv2.LUT(image, table.reshape(1, 256, 3))
    if rng.random() < 0.12:
        image = cv2.cvtColor(cv2.cvtColor(image, cv2.COLOR_RGB2GRAY), cv2.COLOR_GRAY2RGB)
    if rng.random() < 0.08:
        # One side in the light, the other in the dark.
        slope = np.linspace(rng.uniform(0.25, 0.8), 1.1, size, dtype=np.float32)[None, :, None]
        if rng.random() < 0.5:
            slope = slope[:, ::-1]
        image = np.clip(image * slope, 0, 255).astype(np.uint8)
    if rng.random() < 0.25:
        small = int(size * rng.uniform(0.22, 0.8))
        image = cv2.resize(cv2.resize(image, (small, small), interpolation=cv2.INTER_AREA), (size, size))
    if rng.random() < 0.15:
        image = cv2.GaussianBlur(image, (0, 0), float(rng.uniform(0.5, 1.8)))
    if rng.random() < 0.12:
        image = _motion_blur(image, rng)
    if rng.random() < 0.3:
        noise = np.empty((size, size, 3), np.int8)
        cv2.randn(noise, (0.0,) * 3, (float(rng.uniform(2, 14)),) * 3)
        image = cv2.add(image, noise, dtype=cv2.CV_8U)
    if rng.random() < 0.3:
        ok, blob = cv2.imencode(".jpg", image, [cv2.IMWRITE_JPEG_QUALITY, int(rng.integers(25, 90))])
        if ok:
            image = np.asarray(cv2.imdecode(blob, cv2.IMREAD_COLOR), dtype=np.uint8)
    return np.ascontiguousarray(image, dtype=np.uint8)


def _motion_blur(image: Picture, rng: Rng) -> Picture:
    length, angle = int(rng.integers(3, 10)), float(rng.uniform(0, np.pi))
    kernel = np.zeros((length, length), np.float32)
    middle = (length - 1) / 2
    step = middle * np.array([np.cos(angle), np.sin(angle)])
    ends = [tuple(round(v) for v in (middle + s * step)) for s in (-1, 1)]
    cv2.line(kernel, ends[0], ends[1], 1.0)
    return np.asarray(cv2.filter2D(image, -1, kernel / kernel.sum()), dtype=np.uint8)
