"""How scenes look: colours of a paste, painted-over faces, and what a camera and its file do to a whole picture."""

from __future__ import annotations

import cv2
import numpy as np
import numpy.typing as npt

from ..types import Image
from .locator_data import Marks

Random = np.random.Generator
_LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789&@#%8O"


def recolour(image: Image, random: Random, chance: float) -> Image:
    """Brightness, contrast and white balance of one paste, drawn anew; unchanged in 1 - chance of the calls."""
    if random.random() > chance:
        return image
    gain = np.exp(random.normal(0, 0.25)) * np.exp(random.normal(0, 0.07, 3))
    table = np.arange(256)[:, None] * gain + random.normal(0, 14)
    return _lookup(image, table)


def cover_face(image: Image, mark: Marks, random: Random) -> Image:
    """The crop with its face painted over: with what lies above it (hair), with its own blur, or with noise.

    What is left is a head's outline, hair, neck and clothes: a head from behind, as far as a small network can tell.
    """
    x, y, side, roll = (float(v) for v in mark[:4])
    h, w = image.shape[:2]
    style = random.choice(["hair", "blur", "noise"], p=[0.5, 0.3, 0.2])
    if style == "hair":
        top = int(np.clip(y - 0.62 * side, 2, h - 1))
        low = int(np.clip(top - 0.3 * side, 0, top - 2))
        left, right = int(np.clip(x - 0.35 * side, 0, w - 2)), int(np.clip(x + 0.35 * side, 2, w))
        fill = cv2.resize(image[low:top, left : max(right, left + 1)], (w, h), interpolation=cv2.INTER_LINEAR)
    elif style == "blur":
        fill = cv2.GaussianBlur(image, (0, 0), max(random.uniform(0.2, 0.35) * side, 1.0))
    else:
        mean = image.reshape(-1, 3).mean(0)
        coarse = np.clip(random.normal(mean, 25, (h // 6 + 1, w // 6 + 1, 3)), 0, 255).astype(np.uint8)
        fill = cv2.resize(coarse, (w, h), interpolation=cv2.INTER_CUBIC)
    grain = random.normal(0, random.uniform(2, 12), (h, w, 1))
    fill = np.clip(fill + grain, 0, 255)
    mask = np.zeros((h, w), np.uint8)
    axes = (2 * random.uniform(0.55, 0.68) * side, 2 * random.uniform(0.62, 0.75) * side)
    cv2.ellipse(mask, ((x, y - 0.08 * side), axes, float(np.degrees(roll))), 255, -1)
    alpha = cv2.GaussianBlur(mask, (0, 0), max(0.05 * side, 0.8)).astype(np.float32)[..., None] / 255
    return np.asarray(image + alpha * (fill - image), np.uint8)


def draw_shapes(image: Image, random: Random) -> Image:
    """A copy with lettering, discs, blocks and lines drawn over it: titles, logos and signs are no faces."""
    out = np.ascontiguousarray(image).copy()
    h, w = out.shape[:2]
    for _ in range(int(random.integers(1, 7))):
        colour = [int(c) for c in random.integers(0, 256, 3)]
        x, y = int(random.uniform(-0.1, 0.9) * w), int(random.uniform(0.1, 1.0) * h)
        size = float(np.exp(random.uniform(np.log(0.06), np.log(0.4)))) * min(h, w)
        thick = max(int(size / random.uniform(4, 12)), 1)
        kind = random.choice(["text", "text", "disc", "ring", "block", "line"])
        if kind == "text":
            letters = "".join(random.choice(list(_LETTERS), int(random.integers(1, 12))))
            face = int(random.integers(0, 8))
            if random.random() < 0.5:
                cv2.putText(out, letters, (x, y), face, size / 22, [0, 0, 0], thick * 2 + 1, cv2.LINE_AA)
            cv2.putText(out, letters, (x, y), face, size / 22, colour, thick, cv2.LINE_AA)
        elif kind in ("disc", "ring"):
            cv2.circle(out, (x, y), max(int(size / 2), 1), colour, -1 if kind == "disc" else thick, cv2.LINE_AA)
        elif kind == "block":
            cv2.rectangle(out, (x, y), (x + int(size * 1.5), y + int(size)), colour, -1)
        else:
            end = (int(random.uniform(0, w)), int(random.uniform(0, h)))
            cv2.line(out, (x, y), end, colour, thick, cv2.LINE_AA)
    return out


def degrade(image: Image, random: Random) -> Image:
    """Light, colour, blur, resolution, noise and JPEG of the whole scene."""
    image = _light(image, random)
    if random.random() < 0.15:
        k = random.uniform(0.35, 0.8)
        small = cv2.resize(image, None, fx=k, fy=k, interpolation=cv2.INTER_AREA)
        image = np.asarray(cv2.resize(small, image.shape[1::-1], interpolation=cv2.INTER_LINEAR), np.uint8)
    roll = random.random()
    if roll < 0.15:
        image = np.asarray(cv2.GaussianBlur(image, (0, 0), random.uniform(0.5, 1.6)), np.uint8)
    elif roll < 0.25:
        image = np.asarray(cv2.filter2D(image, -1, _streak(random)), np.uint8)
    elif roll < 0.45:
        soft = cv2.GaussianBlur(image, (0, 0), random.uniform(0.7, 2.0))
        k = random.uniform(0.4, 1.5)
        image = np.asarray(cv2.addWeighted(image, 1 + k, soft, -k, 0), np.uint8)
    if random.random() < 0.3:
        # One sheet of noise, shifted at random, is enough and 20 times faster than a new one.
        shift = random.integers(0, 64, 2)
        sheet = _NOISE[shift[0] : shift[0] + image.shape[0], shift[1] : shift[1] + image.shape[1]]
        image = np.clip(image + sheet * random.uniform(1, 12), 0, 255).astype(np.uint8)
    if random.random() < 0.3:
        ok, blob = cv2.imencode(".jpg", image, [cv2.IMWRITE_JPEG_QUALITY, int(random.integers(20, 85))])
        image = np.asarray(cv2.imdecode(blob, cv2.IMREAD_COLOR), np.uint8) if ok else image
    return np.ascontiguousarray(image)


def _light(image: Image, random: Random) -> Image:
    ramp = np.arange(256) / 255.0
    table = np.repeat(ramp[:, None], 3, 1)
    if random.random() < 0.5:
        table = table ** np.exp(random.normal(0, 0.25))
    if random.random() < 0.15:
        table = table * random.uniform(0.2, 0.7)
    if random.random() < 0.4:
        table = table * np.exp(random.normal(0, 0.12, 3))
    if random.random() < 0.3:
        table = (table - 0.5) * random.uniform(0.6, 1.4) + 0.5 + random.normal(0, 0.06)
    image = _lookup(image, table * 255)
    if random.random() < 0.15:
        grey = cv2.cvtColor(image, cv2.COLOR_RGB2GRAY)[..., None].astype(np.float32)
        image = np.asarray(image + random.uniform(0.5, 1.0) * (grey - image), np.uint8)
    return image


def _lookup(image: Image, table: npt.NDArray[np.floating]) -> Image:
    """A table (256, 3) of new values applied channel by channel."""
    return np.asarray(cv2.LUT(image, np.clip(table, 0, 255).astype(np.uint8)[None]), np.uint8)


def _streak(random: Random) -> npt.NDArray[np.float32]:
    """The kernel of a straight motion of 3 to 9 pixels."""
    size = int(random.choice([3, 5, 7, 9]))
    kernel = np.zeros((size, size), np.float32)
    angle = random.uniform(0, np.pi)
    reach = (size - 1) / 2 * np.array([np.cos(angle), np.sin(angle)])
    middle = (size - 1) / 2
    start, end = np.rint(middle - reach).astype(int), np.rint(middle + reach).astype(int)
    cv2.line(kernel, start.tolist(), end.tolist(), 1.0)
    return np.asarray(kernel / kernel.sum(), np.float32)


_NOISE = np.random.default_rng(0).normal(0, 1, (704, 704, 3)).astype(np.float32)
