"""Light from far away, as nine spherical harmonics of the surface's normal (Ramamoorthi & Hanrahan 2001), per channel.

Normals are those of the camera (x right, y down, z forward): the light stays where it is while the head turns. Values
multiply gamma-coded colours; that is not physics, but it is what eight-bit pictures can be fitted with.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from ..types import Array

WHITE = np.zeros((9, 3), np.float32)
"""Light from everywhere: albedo is drawn as it is."""
WHITE[0] = 1.0
DARKEST, BRIGHTEST = 0.45, 2.2
"""What shading is kept within: where light is only extrapolated, at grazing angles, albedo would explode."""
_HOLD = (0.0, 0.02, 0.02, 0.02, 0.05, 0.05, 0.05, 0.05, 0.05)
"""How firmly each harmonic is held to nought where one picture shows the light on half of the sphere."""
_OFF = 0.2
"""Of the skin's brightness: what is off by this much loses half of its weight."""
_HOLD_TURN = (0.0, 0.005, 0.005, 0.005, 0.02, 0.02, 0.02, 0.02, 0.02)
"""How firmly each harmonic is held to nought where a turning head shows the light on many normals."""


def harmonics(normals: npt.NDArray[np.floating]) -> Array:
    """(N, 3) unit normals in the camera's axes -> (N, 9): 1, x, y, z, xy, yz, 3 z^2 - 1, xz, x^2 - y^2."""
    x, y, z = normals[..., 0], normals[..., 1], normals[..., 2]
    parts = [np.ones_like(x), x, y, z, x * y, y * z, 3 * z * z - 1, x * z, x * x - y * y]
    return np.stack(parts, -1).astype(np.float32)


def shading(lighting: Array, normals: npt.NDArray[np.floating]) -> Array:
    """(N, 3) what multiplies the albedo at surfaces with these normals (N, 3) in the camera's axes."""
    return np.asarray(np.clip(harmonics(normals) @ lighting, DARKEST, BRIGHTEST), dtype=np.float32)


def estimate(
    colours: npt.NDArray[np.floating], normals: npt.NDArray[np.floating], weights: npt.NDArray[np.floating]
) -> tuple[Array, Array]:
    """Lighting (9, 3) of skin whose colours (N, 3) 0..255 are seen with weights (N,), and the skin's own colour (3,).

    Skin is taken to be of one colour; what a few passes cannot explain (brows, lips, shadows cast) loses its weight.
    Light's mean over the seen skin is 1, so that the albedo keeps the picture's brightness.
    """
    basis = harmonics(normals).astype(np.float64)
    hold = np.diag(_HOLD) * max(float(weights.sum()), 1e-6)
    trusted = np.asarray(weights, dtype=np.float64)
    sure: npt.NDArray[np.float64] = trusted
    tint: npt.NDArray[np.float64] = np.asarray(
        np.average(colours, axis=0, weights=np.maximum(sure, 1e-9)), dtype=np.float64
    )
    relative: npt.NDArray[np.float64] = colours / np.maximum(tint, 1.0)
    fitted: npt.NDArray[np.float64] = np.zeros((9, 3))
    for _ in range(4):
        normal = (basis * sure[:, None]).T @ basis + hold
        fitted = np.asarray(np.linalg.solve(normal, (basis * sure[:, None]).T @ relative), dtype=np.float64)
        off = np.abs(relative - basis @ fitted).mean(1)
        sure = np.divide(trusted, 1.0 + (off / _OFF) ** 2, dtype=np.float64)
    level = np.average(basis @ fitted, axis=0, weights=np.maximum(sure, 1e-9))
    return (fitted / level).astype(np.float32), np.asarray(tint * level, dtype=np.float32)


def parted(
    colours: npt.NDArray[np.floating],
    normals: npt.NDArray[np.floating],
    weights: npt.NDArray[np.floating],
    start: Array,
    rounds: int = 8,
) -> Array:
    """Lighting (9, 3) that pictures of a turning head share, parted from what the skin itself is like.

    colours (views, N, 3), normals (views, N, 3), weights (views, N): the same N places in every picture. What changes
    as a place turns is light, what stays is skin: the two are fitted in turns, from `start` on.
    """
    basis = harmonics(normals).astype(np.float64)
    light: npt.NDArray[np.float64] = np.asarray(start, dtype=np.float64)
    trusted = np.asarray(weights, dtype=np.float64)
    for _ in range(rounds):
        shade = np.clip(basis @ light, DARKEST, BRIGHTEST)
        skin = (trusted[..., None] * colours * shade).sum(0)
        skin /= np.maximum((trusted[..., None] * shade**2).sum(0), 1e-6)
        tint = np.maximum(np.average(skin, axis=0, weights=np.maximum(trusted.sum(0), 1e-9)), 1.0)
        off = np.abs(colours - skin * shade).mean(-1)
        sure = trusted / (1 + (off / 15.0) ** 2)
        hold = np.diag(_HOLD_TURN) * max(float(sure.sum()), 1e-6)
        fitted = np.zeros((9, 3))
        for c in range(3):
            rows = basis * (skin[:, c] / tint[c])[None, :, None]
            normal = np.einsum("vnk,vn,vnl->kl", rows, sure, rows, optimize=True) + hold
            fitted[:, c] = np.linalg.solve(normal, np.einsum("vnk,vn,vn->k", rows, sure, colours[..., c] / tint[c]))
        level = np.average((basis @ fitted).reshape(-1, 3), axis=0, weights=np.maximum(sure.reshape(-1), 1e-9))
        light = np.asarray(fitted / level, dtype=np.float64)
    return light.astype(np.float32)


def moderated(lighting: Array, amount: float = 0.95, tint: float = 0.4) -> Array:
    """Lighting (9, 3) of which only a part is taken out of the picture, and of its colours less: estimates from one
    picture go too far, and what is left of a coloured one shows as stains at the head's edges."""
    grey = lighting.mean(1, keepdims=True)
    return np.asarray(WHITE + amount * (grey + tint * (lighting - grey) - WHITE), dtype=np.float32)
