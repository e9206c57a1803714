"""Learned texture completion: what a face's unseen texels look like, from those that were seen.

A small masked autoencoder (He et al. 2022, as a convolutional network) over the face's half of the atlas, trained on
textures unwrapped from single pictures: it is shown less of each than was seen and asked for all of it. It sees the
texture, its mirror image, and the masks of both; it gives a smooth colour for every texel. Detail is not its part.
"""

from __future__ import annotations

import threading
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np

from .. import assets
from ..errors import ModelError
from ..types import Array

SIZE = 128
"""Texels a side of the atlas that the network works on."""
WIDE = SIZE // 2
"""Columns of it that are the face's half."""
SPREAD = 0.25
"""Colours are given in this unit round the seen texels' mean, 1.0 being white."""
SURE = 0.25
"""Confidence from which on a texel counts as wholly seen."""


def inputs(albedo: Array, confidence: Array) -> tuple[Array, Array]:
    """What the network is shown (10, SIZE, WIDE), and the mean colour (3,) 0..1 that was taken off.

    albedo (SIZE, WIDE, 3) 0..1, confidence (SIZE, WIDE) 0..1. Channels: colour, mask, mirrored colour, mirrored mask,
    column, row.
    """
    mask = np.clip(confidence / SURE, 0, 1).astype(np.float32)
    mean = (albedo * mask[..., None]).sum((0, 1)) / max(float(mask.sum()), 1e-6)
    own = np.concatenate([(albedo - mean) / SPREAD * mask[..., None], mask[..., None]], -1)
    columns, rows = np.meshgrid(np.linspace(-1, 1, WIDE), np.linspace(-1, 1, SIZE))
    place = np.stack([np.abs(columns), rows], -1)
    both = np.concatenate([own, own[:, ::-1], place], -1)
    return np.ascontiguousarray(both.transpose(2, 0, 1), dtype=np.float32), mean.astype(np.float32)


class Completion:
    """The network, ready to run. Raises ModelError where its file is missing or damaged."""

    def __init__(self, path: Path | None = None) -> None:
        import onnxruntime as ort

        self.path = path or assets.ROOT / "models" / "completion.onnx"
        if not self.path.is_file():
            raise ModelError(f"Weights are missing: {self.path} was wanted; restore assets/models.")
        options = ort.SessionOptions()
        options.intra_op_num_threads = options.inter_op_num_threads = 1
        try:
            self._session: Any = ort.InferenceSession(str(self.path), options, providers=["CPUExecutionProvider"])
        except Exception as error:  # onnxruntime's errors share no public base
            raise ModelError(f"The weights {self.path} are damaged; restore assets/models.") from error
        self._turn = threading.Lock()

    def __call__(self, albedo: Array, confidence: Array) -> Array:
        """(SIZE, WIDE, 3) 0..1: the whole face's smooth albedo. Arguments as `inputs` takes them."""
        shown, mean = inputs(albedo, confidence)
        with self._turn:
            out = self._session.run(None, {"texture": shown[None]})[0][0]
        return np.asarray(np.clip(out.transpose(1, 2, 0) * SPREAD + mean, 0, 1), dtype=np.float32)


@lru_cache(maxsize=1)
def load_completion() -> Completion:
    """The completion that ships."""
    return Completion()
