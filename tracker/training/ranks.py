"""Several processes that train one model (torchrun): each its own batches, their gradients averaged."""

from __future__ import annotations

import os
from collections.abc import Iterable
from dataclasses import dataclass

import torch
import torch.distributed as dist
from torch import Tensor


@dataclass(frozen=True, slots=True)
class Ranks:
    """This process is number `rank` of `world`; 0 of 1 where nothing is shared."""

    rank: int = 0
    world: int = 1
    device: str = "cpu"

    @classmethod
    def join(cls, device: str) -> Ranks:
        """As torchrun's environment says; each process takes the GPU of its own local rank."""
        world = int(os.environ.get("WORLD_SIZE", "1"))
        if world == 1:
            return cls(device=device)
        if device == "cuda":
            device = f"cuda:{os.environ.get('LOCAL_RANK', '0')}"
            torch.cuda.set_device(device)
        if not dist.is_initialized():
            dist.init_process_group("nccl" if device.startswith("cuda") else "gloo")
        return cls(dist.get_rank(), world, device)

    @property
    def first(self) -> bool:
        """Whether this process writes the log and the checkpoints."""
        return self.rank == 0

    def average(self, parameters: Iterable[Tensor], progress: float) -> float:
        """Average the gradients over all processes, in one message; and the progress, so that all end together."""
        if self.world == 1:
            return progress
        grads = [p.grad for p in parameters if p.grad is not None]
        flat = torch.cat([*(g.flatten() for g in grads), grads[0].new_tensor([progress])])
        dist.all_reduce(flat)
        flat /= self.world
        for grad, part in zip(grads, torch.split(flat[:-1], [g.numel() for g in grads]), strict=True):
            grad.copy_(part.view_as(grad))
        return float(flat[-1])

    def leave(self) -> None:
        if self.world > 1:
            dist.barrier()
            dist.destroy_process_group()
