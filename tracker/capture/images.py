"""A folder of images as a film: natural order (2 before 10), one frame each, upright 8-bit RGB."""

from __future__ import annotations

import logging
import re
from collections.abc import Iterator
from pathlib import Path

import cv2
import numpy as np

from ..errors import SourceError
from ..settings import Capture
from ..types import Image
from .source import PICTURES, Playback, Shot, SourceInfo

log = logging.getLogger(__name__)


class ImageSource(Playback):
    """The images of a folder (or one image); time = index / `fps`.

    Files that are no images are left out and named in `info.notes`; a damaged image is skipped with a warning
    and counted in `problem`. Raises SourceError where no image can be read.
    """

    def __init__(self, path: str | Path, *, fps: float = 30.0, realtime: bool = False, loop: bool = False) -> None:
        super().__init__(1.0 / fps, realtime=realtime, loop=loop)
        folder = Path(path).expanduser()
        self._paths, notes = _list(folder)
        self._damaged: dict[Path, None] = {}
        first = next((image for image in map(self._load, self._paths) if image is not None), None)
        if first is None:
            raise SourceError(f"Not one of the {len(self._paths)} images of {folder} can be read; they are damaged.")
        height, width = first.shape[:2]
        got = f"{width}x{height} {len(self._paths)} images at {fps:g} fps"
        self._info = SourceInfo(
            folder.name, "images", realtime, width, height, fps, len(self._paths), asked=str(path), got=got, notes=notes
        )

    @property
    def info(self) -> SourceInfo:
        return self._info

    def _play(self) -> Iterator[Shot]:
        index = 0
        for path in self._paths:
            image = None if path in self._damaged else self._load(path)
            if image is not None:
                yield Shot(image, index * self._period)
                index += 1

    def _load(self, path: Path) -> Image | None:
        try:
            return load_image(path)
        except SourceError as error:
            log.warning("skipped: %s", error)
            self._damaged[path] = None
            names = ", ".join(p.name for p in list(self._damaged)[:3]) + (", …" if len(self._damaged) > 3 else "")
            self.problem = f"{len(self._damaged)} of {len(self._paths)} images could not be read ({names})."
            return None


def load_image(path: Path) -> Image:
    """An image file -> (H, W, 3) uint8 RGB.

    EXIF orientation is obeyed, grey is repeated, alpha is left out, 16 bits keep their upper 8, and floating
    point is taken to run from 0 to 1. Raises SourceError for a file that is empty, damaged or no image.
    """
    try:
        data = np.fromfile(path, np.uint8)  # not cv2.imread: it cannot open every file name on Windows
    except OSError as error:
        raise SourceError(f"{path} cannot be read ({error.strerror}).") from error
    if data.size == 0:
        raise SourceError(f"{path} is empty (0 bytes); an image was wanted.")
    try:
        image = cv2.imdecode(data, cv2.IMREAD_COLOR | cv2.IMREAD_ANYDEPTH)
    except cv2.error:
        image = None
    if image is None:
        raise SourceError(f"{path} is damaged or no image; delete it or save it again.")
    if image.dtype == np.uint16:
        image = (image >> 8).astype(np.uint8)
    elif image.dtype != np.uint8:
        image = np.clip(np.nan_to_num(image.astype(np.float32)) * 255.0 + 0.5, 0, 255).astype(np.uint8)
    return np.asarray(cv2.cvtColor(image, cv2.COLOR_BGR2RGB), np.uint8)


def _list(folder: Path) -> tuple[tuple[Path, ...], tuple[str, ...]]:
    """(image files in natural order, notes); hidden files do not count."""
    if folder.is_file():
        return (folder,), ()
    try:
        files = [p for p in folder.iterdir() if p.is_file() and not p.name.startswith(".")]
    except OSError as error:
        raise SourceError(f"The folder {folder} cannot be read ({error.strerror}).") from error
    images = sorted((p for p in files if p.suffix.lower() in PICTURES), key=_natural)
    others = sorted(p.name for p in files if p.suffix.lower() not in PICTURES)
    if not images:
        inside = f"holds no images but {len(others)} other files" if others else "is empty"
        raise SourceError(f"The folder {folder} {inside}; jpg, png, tif, bmp or webp were wanted.")
    if not others:
        return tuple(images), ()
    names = ", ".join(others[:3]) + (", …" if len(others) > 3 else "")
    return tuple(images), (f"Left out, because they are no images: {names}.",)


def _natural(path: Path) -> list[tuple[bool, int, str]]:
    """A key that counts: frame2 before frame10."""
    parts = re.findall(r"\d+|\D+", path.name.lower())
    return [(not part.isdigit(), int(part) if part.isdigit() else 0, part) for part in parts]


def open_images(text: str, settings: Capture, *, realtime: bool, loop: bool) -> ImageSource:
    """A folder of images, or one image, by its path."""
    return ImageSource(text, realtime=realtime, loop=loop)
