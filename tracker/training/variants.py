"""What a run may leave out of the recipe or add to it, each an ablation of the method (`stillpoint ablate`).

Every default is the recipe that ships. The trunk's kind belongs to its size (`network.SIZES`), the packs and the file
of fits to the run (`train.TrainConfig`).
"""

from __future__ import annotations

import msgspec


class Variant(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Switches of one run."""

    normalizer: bool = True
    """The normalizer cuts. Without it the crop is fixed in the region, and all pictures are as badly placed as one."""
    semantics: bool = True
    """Each label set has its own place for points of one name: a learned code, and AFLW2000-3D's layout. Without,
    all 68-point sets are read at one."""
    bending: bool = False
    """A residual that is not linear in the code: `bending.Bending`."""
    lifted: bool = False
    """Points, rotation and depth of good fits (`TrainConfig.lifted`) for those of the 68-point teacher."""
    shown: bool = False
    """A map of where the landmarks were is the picture's fourth channel: `asl.shown`."""
    again: bool = False
    """With `shown`: what is read is shown, and must be read again: `asl.again`."""
    critic: bool = False
    """A critic tells fitted shapes (`TrainConfig.lifted`) from read ones: `asl.Critic`."""
    without: tuple[str, ...] = ()
    """Terms of the loss that are left out."""

    @property
    def runs(self) -> bool:
        """Whether the tracker can run what was trained: it knows linear fields, and each layout at its own place."""
        return self.semantics and not self.bending
