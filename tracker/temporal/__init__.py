"""Temporal filters: a `Stabilizer` turns results into calmer results of the same type; `smooth` does it afterwards."""

from .smoother import OFFLINE, smooth, smooth_results
from .stabilizer import STABILIZERS, FaceFilter, Stabilizer

__all__ = ["OFFLINE", "STABILIZERS", "FaceFilter", "Stabilizer", "smooth", "smooth_results"]
