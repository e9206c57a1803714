"""Cutting a head out of a picture: the square round it, and the matte that parts it from the background."""

from __future__ import annotations

from dataclasses import replace

import cv2
import numpy as np
import numpy.typing as npt

from ..head import load_head
from ..types import Array, Camera, FaceState, Image
from .membrane import scalp
from .render import rasterise, seen_from
from .types import INSIDE

SIDE, PHOTO_SIDE = 512, 1024
"""Pixels of a stored view, at most: of a turn's frame, of a photograph."""
_MARGIN = 1.45
_GRABCUT_SIDE = 192
_BUST = -0.145
"""Metres below the eyes where the neck ends and clothes begin."""
_SKULL = -0.03
"""The same where the skull ends: its inner part is head however dark its hair is before a dark ground."""


def cut_out(image: Image, state: FaceState, vertices: Array, side: int = SIDE) -> tuple[Image, FaceState]:
    """The square round the whole head (S, S, 3), S <= side, and the state in its pixels.

    What lies outside the picture is grey and has no matte (see `inside`).
    """
    points = state.project(vertices[vertices[:, 1] > _BUST])
    low, high = points.min(0), points.max(0)
    # Hair stands off the head, most of it above.
    middle = (low + high) / 2 - np.array([0, 0.04], np.float32) * (high - low).max()
    square = float((high - low).max()) * _MARGIN
    size = int(min(side, max(32, round(square))))
    scale = size / square
    shift = size / 2 - scale * middle
    matrix = np.array([[scale, 0, shift[0]], [0, scale, shift[1]]], np.float64)
    place = matrix.copy()
    place[:, 2] += 0.5 * scale - 0.5  # cv2 counts pixels' centres from 0
    source = image
    if scale < 0.5:
        # warpAffine reads four pixels whatever the scale: a picture that shrinks much is shrunk beforehand.
        k = float(2 ** np.floor(np.log2(1 / scale)))
        height, width = image.shape[:2]
        to = (max(1, round(width / k)), max(1, round(height / k)))
        source = np.asarray(cv2.resize(image, to, interpolation=cv2.INTER_AREA), dtype=np.uint8)
        ratio = np.array([width / to[0], height / to[1]])
        place = np.concatenate([matrix[:, :2] * ratio, matrix[:, 2:]], 1)
        place[:, 2] += place[:, :2] @ np.array([0.5, 0.5]) - 0.5
    cut = cv2.warpAffine(source, place, (size, size), flags=cv2.INTER_LINEAR, borderValue=(128, 128, 128))
    camera = Camera(state.camera.focal * scale, state.camera.cx * scale + shift[0], state.camera.cy * scale + shift[1])
    moved = replace(
        state,
        centre=np.asarray(scale * state.centre + shift, dtype=np.float32),
        scale=state.scale * scale,
        camera=camera,
    )
    return np.asarray(cut, dtype=np.uint8), moved


def inside(shape: tuple[int, ...], whole: FaceState, cut: FaceState, size: int) -> npt.NDArray[np.bool_]:
    """(size, size): which pixels of a cut-out the picture of `shape` really shows. The states are of one face."""
    k = whole.scale / cut.scale
    at = (np.arange(size) + 0.5)[:, None] - cut.centre
    place = whole.centre + at * k
    x = (place[:, 0] > 0.5) & (place[:, 0] < shape[1] - 0.5)
    y = (place[:, 1] > 0.5) & (place[:, 1] < shape[0] - 0.5)
    return np.asarray(y[:, None] & x[None, :])


def silhouette(
    state: FaceState, vertices: Array, size: int, face: bool = False, above: float = _BUST
) -> npt.NDArray[np.bool_]:
    """(size, size): where the head (without what lies below `above`, metres from the eyes: its shoulders), or its bare
    face alone, is drawn."""
    head = load_head()
    skin = head.tri[~np.isin(head.region[head.tri], INSIDE).any(1)]
    skin = skin[(vertices[skin][..., 1] > above).all(1)]
    if face:
        skin = skin[(head.region[skin] != 1).all(1) & (scalp()[skin] < 0.05).all(1)]
    points, depth = seen_from(state, vertices)
    return np.asarray(rasterise(points, depth, skin, (size, size)).triangle >= 0)


def matte(image: Image, state: FaceState, vertices: Array, shown: npt.NDArray[np.bool_] | None = None) -> Image:
    """(S, S) uint8: 255 where the head and its hair are, feathered by a pixel or two.

    GrabCut (Rother et al. 2004) started from the fit: the face and the inner skull are head, whatever colour the hair
    has; the skull's rim and the neck probably are, a band round them may be hair, the rest is not. Where colours
    decide nothing the silhouette stands.
    """
    full = len(image)
    size = min(full, _GRABCUT_SIDE)
    small = cv2.resize(image, (size, size), interpolation=cv2.INTER_AREA)
    k = size / full
    placed = replace(state, centre=state.centre * k, scale=state.scale * k)
    head = silhouette(placed, vertices, size)
    if not head.any():
        return np.zeros((full, full), np.uint8)
    reach = max(2, int(size * 0.02))
    labels = np.full((size, size), cv2.GC_BGD, np.uint8)
    labels[_grown(head, int(size * 0.16))] = cv2.GC_PR_BGD
    labels[_grown(head, 2 * reach)] = cv2.GC_PR_FGD
    face = silhouette(placed, vertices, size, face=True)
    labels[~_grown(~face, reach)] = cv2.GC_FGD
    skull = silhouette(placed, vertices, size, above=_SKULL)
    labels[~_grown(~skull, 2 * reach)] = cv2.GC_FGD
    real = slice(None), slice(None)
    if shown is not None and shown.any():
        there = cv2.resize(shown.astype(np.uint8), (size, size), interpolation=cv2.INTER_NEAREST) > 0
        labels[~there] = cv2.GC_BGD
        # What lies beyond the picture's edge is not there: its grey says nothing of what the background looks like.
        real = _extent(there.any(1)), _extent(there.any(0))
    found = head
    inner = np.ascontiguousarray(labels[real])
    if (inner == cv2.GC_FGD).sum() > 50 and np.isin(inner, (cv2.GC_BGD, cv2.GC_PR_BGD)).sum() > 50:
        cv2.setRNGSeed(0)
        models = np.zeros((1, 65), np.float64), np.zeros((1, 65), np.float64)
        cv2.grabCut(np.ascontiguousarray(small[real][..., ::-1]), inner, None, *models, 3, cv2.GC_INIT_WITH_MASK)
        labels[real] = inner
        found = _largest((labels == cv2.GC_FGD) | (labels == cv2.GC_PR_FGD))
    soft = cv2.GaussianBlur(found.astype(np.float32), (0, 0), 1.0)
    grown = cv2.resize(soft, (full, full), interpolation=cv2.INTER_LINEAR)
    if shown is not None:
        # The picture's last pixels are mixed with what is not there.
        grown = grown * cv2.erode(shown.astype(np.float32), np.ones((5, 5), np.uint8), borderValue=1.0)
    return np.asarray(np.clip(255 * (2 * grown - 0.6), 0, 255), dtype=np.uint8)


def sharpness(image: Image, mask: npt.NDArray[np.bool_]) -> float:
    """Variance of the Laplacian inside a mask, relative to the variance of the brightness there."""
    grey = cv2.cvtColor(image, cv2.COLOR_RGB2GRAY).astype(np.float32)
    if not mask.any():
        return 0.0
    return float(cv2.Laplacian(grey, cv2.CV_32F)[mask].var() / max(float(grey[mask].var()), 1.0))


def _extent(line: npt.NDArray[np.bool_]) -> slice:
    """From the first to the last of a row of flags that is set."""
    at = np.flatnonzero(line)
    return slice(int(at[0]), int(at[-1]) + 1)


def _grown(mask: npt.NDArray[np.bool_], by: int) -> npt.NDArray[np.bool_]:
    kernel = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (2 * by + 1, 2 * by + 1))
    return np.asarray(cv2.dilate(mask.astype(np.uint8), kernel) > 0)


def _largest(mask: npt.NDArray[np.bool_]) -> npt.NDArray[np.bool_]:
    count, labels, stats, _ = cv2.connectedComponentsWithStats(mask.astype(np.uint8))
    if count < 2:
        return mask
    return np.asarray(labels == 1 + int(stats[1:, cv2.CC_STAT_AREA].argmax()))
