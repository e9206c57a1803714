"""Training the texture completion: its batches, its network, and a run of a few steps."""

from __future__ import annotations

import numpy as np
import torch

from tracker.avatar.completion import SIZE, WIDE
from tracker.training.completion import Network, Textures, draw, loss_of


def few() -> Textures:
    random = np.random.default_rng(0)
    tones = random.integers(60, 220, (6, 1, 1, 3))
    albedo = np.broadcast_to(tones, (6, SIZE, WIDE, 3)).astype(np.uint8)
    seen = np.full((6, SIZE, WIDE), 255, np.uint8)
    seen[:, :, :10] = 0
    masks = np.full((2, SIZE, WIDE), 255, np.uint8)
    masks[0, :, 32:] = 0
    masks[1, :64] = 0
    return Textures(albedo, seen, np.array([False] * 5 + [True]), masks)


def test_what_was_not_seen_is_neither_shown_nor_asked_for() -> None:
    shown, asked, weights = draw(few(), np.arange(6), np.random.default_rng(0), augment=False)
    assert shown.shape == (6, 10, SIZE, WIDE) and asked.shape == (6, 3, SIZE, WIDE)
    assert (weights[..., :10] == 0).all() and (shown[:, 3, :, :10] == 0).all()
    hidden = weights > 1.5
    assert hidden.any() and (shown[:, 3:4][hidden] == 0).all()
    other = asked.clone()
    other[..., :10] += 5
    assert loss_of(other, asked, weights) == 0


def test_a_few_steps_teach_it_to_carry_a_colour_on() -> None:
    torch.manual_seed(0)
    network = Network(4)
    optimiser = torch.optim.AdamW(network.parameters(), lr=2e-2)
    random = np.random.default_rng(0)
    losses = []
    for _ in range(8):
        shown, asked, weights = draw(few(), random.choice(5, 2), random, augment=True)
        loss = loss_of(network(shown), asked, weights)
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        losses.append(float(loss.detach()))
    assert np.mean(losses[-2:]) < 0.8 * losses[0]
