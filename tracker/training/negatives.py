"""Pictures without faces: read from a folder, drawn, and mined for those that the network takes for a face."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from ..detection.crop import ROI

Picture = npt.NDArray[np.uint8]


def load_negatives(folder: Path | None, limit: int = 2000, side: int = 400) -> list[Picture]:
    """Pictures of a folder, RGB, shrunk to at most `side` pixels; none where no folder is given."""
    if folder is None:
        return []
    pictures = []
    for path in sorted(p for p in folder.rglob("*") if p.suffix.lower() in {".jpg", ".jpeg", ".png"})[:limit]:
        image = cv2.imread(str(path), cv2.IMREAD_COLOR)
        if image is None:
            continue
        factor = side / max(image.shape[:2])
        if factor < 1:
            image = cv2.resize(image, None, fx=factor, fy=factor, interpolation=cv2.INTER_AREA)
        pictures.append(np.asarray(image[..., ::-1], dtype=np.uint8, order="C"))
    return pictures


def drawn(rng: np.random.Generator, size: int = 200) -> Picture:
    """Letters and shapes on a shaded ground: titles and logos fill many a picture's middle as a face does."""
    corners = rng.integers(0, 256, (2, 2, 3)).astype(np.float32)
    image = np.asarray(cv2.resize(corners, (size, size), interpolation=cv2.INTER_LINEAR), dtype=np.uint8)
    for _ in range(int(rng.integers(1, 7))):
        ink = tuple(int(v) for v in rng.integers(0, 256, 3))
        x, y = (int(v) for v in rng.uniform(0, size, 2))
        kind = rng.integers(4)
        width = int(rng.integers(1, 14))
        if kind == 0:
            text = "".join(chr(c) for c in rng.integers(48, 123, rng.integers(1, 6)))
            scale = float(rng.uniform(0.7, 5))
            place = (x - size // 4, y + size // 8)
            edge = tuple(int(v) for v in rng.integers(0, 256, 3))
            cv2.putText(image, text, place, int(rng.integers(0, 8)), scale, edge, width + 6, cv2.LINE_AA)
            cv2.putText(image, text, place, int(rng.integers(0, 8)), scale, ink, width, cv2.LINE_AA)
        elif kind == 1:
            axes = tuple(int(v) for v in rng.uniform(4, size / 3, 2))
            filled = -1 if rng.random() < 0.6 else width
            cv2.ellipse(image, (x, y), axes, float(rng.uniform(0, 180)), 0, 360, ink, filled, cv2.LINE_AA)
        elif kind == 2:
            corner = (x + int(rng.integers(-size // 2, size // 2)), y + int(rng.integers(-size // 2, size // 2)))
            cv2.rectangle(image, (x, y), corner, ink, -1 if rng.random() < 0.6 else width)
        else:
            points = rng.integers(0, size, (int(rng.integers(3, 6)), 1, 2)).astype(np.int32)
            cv2.polylines(image, [points], bool(rng.random() < 0.5), ink, width, cv2.LINE_AA)
    if rng.random() < 0.5:
        image = np.asarray(cv2.GaussianBlur(image, (0, 0), float(rng.uniform(0.5, 4))), dtype=np.uint8)
    return image


class HardPool:
    """A ring of regions that were taken for faces, shared with the processes that make batches."""

    def __init__(self, room: int = 768) -> None:
        self._pictures = _shared((room, ROI, ROI, 3), torch.uint8)
        self._count = _shared((1,), torch.int64)

    def __len__(self) -> int:
        return min(int(self._count[0]), len(self._pictures))

    @property
    def pictures(self) -> Tensor:
        """(n, ROI, ROI, 3) uint8."""
        return self._pictures[: len(self)]

    def add(self, pictures: Tensor) -> None:
        """(n, ROI, ROI, 3) uint8; the oldest make room."""
        for picture in pictures:
            self._pictures[int(self._count[0]) % len(self._pictures)] = picture
            self._count += 1

    def draw(self, rng: np.random.Generator) -> Picture:
        picture: Picture = self._pictures[int(rng.integers(len(self)))].numpy()
        return picture


def _shared(shape: tuple[int, ...], dtype: torch.dtype) -> Tensor:
    tensor = torch.zeros(shape, dtype=dtype)
    tensor.share_memory_()  # type: ignore[no-untyped-call]
    return tensor
