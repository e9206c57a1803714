"""Where a picture shows what the others say should be there: the texture, drawn as the fit has it, is looked for in the
picture by optical flow, and the vertices go along."""

from __future__ import annotations

from dataclasses import replace

import cv2
import numpy as np
import numpy.typing as npt

from ..head import load_head
from ..types import Array, FaceState, Image
from .atlas import Texels
from .membrane import at_vertices
from .render import render_mesh
from .texture import Sample
from .types import Avatar

_SIDE = 256
_FARTHEST = 0.035
"""Of the face's size: a match further away than this is none."""
_FACE_PX = 0.16
"""Metres of a face's size."""


def vertices_found(
    avatar: Avatar, image: Image, state: FaceState, sample: Sample, texels: Texels
) -> tuple[npt.NDArray[np.intp], Array, Array]:
    """Vertices (k,), where the picture (S, S, 3) shows them (k, 2) px, and their deviation (k,) px.

    `avatar` is drawn into the picture at `state`; `sample` says which texels the picture sees.
    """
    size = min(len(image), _SIDE)
    k = size / len(image)
    small = replace(state, centre=state.centre * np.float32(k), scale=state.scale * k)
    drawn, alpha, _ = render_mesh(avatar, small, (size, size), smooth=1)
    there = cv2.resize(image, (size, size), interpolation=cv2.INTER_AREA)
    mask = alpha > 0.5
    # Both pictures are the photograph outside of the head: flow there is nought and holds the rest.
    mine = np.where(mask[..., None], drawn, there)
    one, two = _evened(mine), _evened(there)
    finder = cv2.DISOpticalFlow.create(cv2.DISOpticalFlow_PRESET_MEDIUM)
    forth = finder.calc(one, two, None)
    back = finder.calc(two, one, None)
    head = load_head()
    _, seen = at_vertices(np.zeros((len(texels.flat), 1), np.float32), sample.weight, texels)
    chosen = np.flatnonzero((seen > 0.35) & np.isin(head.region, (0, 3)))
    pixel = small.project(avatar.vertices(state.expression))[chosen]
    step = _read(forth, pixel)
    returned = _read(back, pixel + step)
    apart = np.linalg.norm(step + returned, axis=1)
    far = np.linalg.norm(step, axis=1)
    good = (apart < 1.0) & (far < _FARTHEST * _FACE_PX * small.scale)
    texture = _read(_edges(one), pixel)[:, 0]
    std = (0.7 + apart + 2.5 / (1.0 + texture / 6.0)) / k
    return chosen[good], ((pixel + step) / k)[good].astype(np.float32), std[good].astype(np.float32)


def _evened(image: Image) -> Image:
    """Grey with local brightness taken out: light differs, features do not."""
    grey = cv2.cvtColor(image, cv2.COLOR_RGB2GRAY).astype(np.float32)
    local = cv2.GaussianBlur(grey, (0, 0), 10)
    contrast = np.sqrt(cv2.GaussianBlur((grey - local) ** 2, (0, 0), 14)) + 6
    return np.asarray(np.clip(128 + 45 * (grey - local) / contrast, 0, 255), dtype=np.uint8)


def _edges(grey: Image) -> Array:
    x, y = cv2.Sobel(grey, cv2.CV_32F, 1, 0), cv2.Sobel(grey, cv2.CV_32F, 0, 1)
    return np.asarray(cv2.GaussianBlur(np.hypot(x, y), (0, 0), 2)[..., None] / 4, dtype=np.float32)


def _read(field: Array, at: Array) -> Array:
    place = np.ascontiguousarray((at - 0.5).reshape(-1, 1, 2), dtype=np.float32)
    out = cv2.remap(field, place, None, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    return np.asarray(out.reshape(len(at), -1), dtype=np.float32)
