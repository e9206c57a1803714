"""Temporal filters: a `Stabilizer` turns results into calmer results of the same type."""

from .stabilizer import STABILIZERS, FaceFilter, Stabilizer

__all__ = ["STABILIZERS", "FaceFilter", "Stabilizer"]
