"""The canonical 3D head: its mesh, its modes of shape and expression, and the landmarks on it."""

from .basis import Basis, LearnedField
from .lids import moving
from .model import EXPRESSIONS, HeadModel, LayoutRows, expression_flip, load_head

__all__ = [
    "EXPRESSIONS",
    "Basis",
    "HeadModel",
    "LayoutRows",
    "LearnedField",
    "expression_flip",
    "load_head",
    "moving",
]
