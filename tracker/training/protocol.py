"""How landmarks and poses are scored: AFLW2000-3D's protocol (Zhu et al. 2016, arXiv:1511.07212).

The error of a face is the mean distance of its points over sqrt(w h) of the tight box of the true points; faces
fall into bins of |yaw| up to 30, up to 60 and above; the score is the mean of the bins' means, in percent.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

Values = npt.NDArray[np.float64]
YAW_EDGES = (30.0, 60.0)


def face_sizes(points: npt.NDArray[np.floating]) -> Values:
    """sqrt(w h) of the tight boxes of (n, N, 2) points."""
    w, h = np.moveaxis(points.max(1) - points.min(1), -1, 0)
    return np.asarray(np.sqrt(w * h), dtype=np.float64)


def bin_means(errors: npt.NDArray[np.floating], yaws: npt.NDArray[np.floating]) -> Values:
    """Mean of each |yaw| bin in percent (3,); NaN for an empty bin."""
    bins = np.digitize(np.abs(np.asarray(yaws, np.float64)), YAW_EDGES, right=True)
    return np.array([100 * errors[bins == b].mean() if (bins == b).any() else np.nan for b in range(3)])


def balanced(errors: npt.NDArray[np.floating], yaws: npt.NDArray[np.floating]) -> float:
    """Mean of the three bins' means, percent."""
    return float(bin_means(errors, yaws).mean())
