"""How like two pictures are inside a mask: PSNR and SSIM."""

from __future__ import annotations

import cv2
import numpy as np
import numpy.typing as npt

from ..types import Array, Image

_C1, _C2 = (0.01 * 255) ** 2, (0.03 * 255) ** 2


def psnr(one: Image, two: Image, mask: npt.NDArray[np.bool_]) -> float:
    """Peak signal to noise ratio in dB over the mask's pixels and all channels; inf where they are equal."""
    error = (one[mask].astype(np.float64) - two[mask]) ** 2
    mean = float(error.mean()) if error.size else float("nan")
    return float("inf") if mean == 0 else float(10 * np.log10(255**2 / mean))


def evened(drawn: Image, wanted: Image, mask: npt.NDArray[np.bool_]) -> Image:
    """`drawn` with one gain a channel, the one that brings it nearest to `wanted` over the mask's pixels."""
    mine, theirs = drawn[mask].astype(np.float64), wanted[mask].astype(np.float64)
    gain = (mine * theirs).sum(0) / np.maximum((mine * mine).sum(0), 1.0)
    return np.asarray(np.clip(drawn * gain + 0.5, 0, 255), dtype=np.uint8)


def ssim(one: Image, two: Image, mask: npt.NDArray[np.bool_]) -> float:
    """Mean structural similarity (Wang et al. 2004; Gaussian window of 1.5 pixels) of the brightness, over the mask."""
    a = cv2.cvtColor(one, cv2.COLOR_RGB2GRAY).astype(np.float32)
    b = cv2.cvtColor(two, cv2.COLOR_RGB2GRAY).astype(np.float32)
    mean_a, mean_b = _smooth(a), _smooth(b)
    var_a, var_b = _smooth(a * a) - mean_a**2, _smooth(b * b) - mean_b**2
    both = _smooth(a * b) - mean_a * mean_b
    value = (2 * mean_a * mean_b + _C1) * (2 * both + _C2)
    value /= (mean_a**2 + mean_b**2 + _C1) * (var_a + var_b + _C2)
    return float(value[mask].mean()) if mask.any() else float("nan")


def _smooth(image: Array) -> Array:
    return np.asarray(cv2.GaussianBlur(image, (11, 11), 1.5), dtype=np.float32)
