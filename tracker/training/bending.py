"""A residual that is not linear in what the network says: how a point's place depends on the turn of the head and on
the face together (Chandran et al., Continuous Landmark Detection with 3D Queries, CVPR 2023, at low rank)."""

from __future__ import annotations

import torch
from torch import Tensor, nn

RANK = 48
SCALE = 0.005  # metres


class Bending(nn.Module):
    """D(q, face) = 5 mm * W relu(U face * V q), with q the encoded query and its set's code; zero at the start."""

    def __init__(self, face: int, query: int) -> None:
        super().__init__()
        self.face, self.query = nn.Linear(face, RANK), nn.Linear(query, RANK)
        self.out = nn.Linear(RANK, 3)
        nn.init.zeros_(self.out.weight)
        nn.init.zeros_(self.out.bias)

    def forward(self, face: Tensor, query: Tensor) -> Tensor:
        """(B, face), (Q, query) -> metres (B, Q, 3), head frame."""
        moved: Tensor = self.out(torch.relu(self.face(face)[:, None] * self.query(query)))
        return SCALE * moved
