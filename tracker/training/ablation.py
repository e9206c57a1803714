"""The recipe against itself with one thing changed: which variants there are, and what each reaches.

All are trained from scratch on the same number of pictures, drawn by the same seed, and go on in rounds: whenever it
is stopped, all variants have a figure after the same number of pictures.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import numpy.typing as npt
import torch

from ..detection.crop import apply, roll_of
from ..errors import ModelError
from ..whole import whole
from . import asl
from .export import load_checkpoint
from .network import Model
from .packs import FREE_PACKS, RENDERED, SLICES, Rows, load_rows
from .pose import pose_errors
from .train import TrainConfig, train
from .validate import calibration_score, cropped, jittered, look, merl_rows, merl_score, merl_sizes, placed, read, tight
from .variants import Variant

log = logging.getLogger(__name__)
MERL = 150
"""Validation rows of MERL-RAV that are read."""
SPREAD_FACES, SPREAD_LOOKS = 45, 4


@dataclass(frozen=True, slots=True)
class Ablation:
    """What it is called and says, and what of a run it changes; `lifted` where it reads the file of fits."""

    name: str
    says: str
    changes: Mapping[str, Any] = field(default_factory=dict)
    lifted: bool = False


ABLATIONS = (
    Ablation("recipe", "what ships"),
    Ablation("recipe again", "another seed: by how much two equal runs differ", {"seed": 2}),
    Ablation("fixed crop", "no normalizer, trained on regions as bad", {"variant": Variant(normalizer=False)}),
    Ablation("one place", "no semantic codes, one place for all 68-point sets", {"variant": Variant(semantics=False)}),
    Ablation("2D only", "no depth or rotation from fits", {"variant": Variant(without=("depth", "rotation"))}),
    Ablation("free packs", "the packs whose licence allows a product", {"packs": FREE_PACKS}),
    Ablation("free, rendered", "and rendered heads", {"packs": (*FREE_PACKS, RENDERED)}),
    Ablation("lifted", "good fits for the teacher's 68 points", {"variant": Variant(lifted=True)}, lifted=True),
    Ablation("bending", "a residual that is not linear in the code", {"variant": Variant(bending=True)}),
    Ablation("separable", "depthwise-separable trunk of the same latency", {"size": "fast, separable"}),
    Ablation("branched", "reparameterised trunk: 1x1 beside 3x3 while it trains", {"size": "fast, branched"}),
    Ablation("map", "landmarks' map as fourth channel", {"variant": Variant(shown=True)}),
    Ablation("map, again", "and its own map read again", {"variant": Variant(shown=True, again=True)}),
    Ablation("critic", "a critic of shapes", {"variant": Variant(critic=True)}, lifted=True),
)
NAMES = tuple(a.name for a in ABLATIONS)


def ablate(base: TrainConfig, only: tuple[str, ...] = (), rounds: int = 3) -> list[dict[str, Any]]:
    """Train and measure the variants (by name; all without), or go on where it stopped; returns the table's rows.

    `base` is the recipe's configuration: `out` is the folder of all of them, `lifted` the file of fits, without which
    the variants that need one are left out; so are rendered heads where the folder of packs has none, and the other
    trunks, unless the size is `fast` and nothing is started from. After each variant `ablations.json` in `out` holds
    every row so far. Raises ModelError for a name that there is none of.
    """
    for name in only:
        if name not in NAMES:
            raise ModelError(f"There is no variant {name!r}; take some of: {', '.join(NAMES)}.")
    trunks = base.size == "fast" and not base.start
    chosen = [a for a in ABLATIONS if (base.lifted or not a.lifted) and (trunks or "size" not in a.changes)]
    chosen = [a for a in chosen if not only or a.name in only]
    data = Path(base.data)
    rendered = (data / f"{RENDERED}.parquet").is_file()
    chosen = [a for a in chosen if rendered or RENDERED not in a.changes.get("packs", ())]
    rows = load_rows(data, (*base.packs, RENDERED) if rendered else base.packs)
    training, held = rows.take(rows.trainable), rows.take(~rows.trainable)
    calibration = rows.take(rows.pack == "aflw2000_calibration")
    file = Path(base.out) / "ablations.json"
    table: list[dict[str, Any]] = json.loads(file.read_text(encoding="utf-8")) if file.is_file() else []
    for part in range(1, rounds + 1):
        for a in chosen:
            until = part / rounds
            images = round(until * base.images)
            if any(row["name"] == a.name and row["images"] == images for row in table):
                continue
            config = _config(base, a)
            faces = training.take(np.isin(training.pack, config.packs))
            model = load_checkpoint(train(config, faces, until))[0]
            row = {"name": a.name, "says": a.says, "images": images} | figures(
                model, held, calibration, config.variant.normalizer
            )
            log.info("%s", row)
            table.append(row)
            with whole(file) as scratch:
                scratch.write_text(json.dumps(table, indent=1) + "\n", encoding="utf-8")
    return table


def _config(base: TrainConfig, a: Ablation) -> TrainConfig:
    """The run of one variant; nothing in it depends on the clock."""
    lifted = base.lifted if a.lifted else None
    return msgspec.structs.replace(
        base, out=str(run_folder(Path(base.out), a.name)), lifted=lifted, workers=0, mining=False, **a.changes
    )


def run_folder(out: Path, name: str) -> Path:
    """Where a variant's checkpoint and log are."""
    return out / name.replace(", ", "_").replace(" ", "_")


def figures(model: Model, held: Rows, calibration: Rows, cutting: bool = True) -> dict[str, Any]:
    """What a model reaches with the normalizer's crops or, where it is not `cutting`, with the regions' middles.

    Balanced NME in percent (with bins) of the calibration's validate fold against both label sets, regions as given and
    jittered, and of MERL's validation rows likewise; the pose's error in degrees; by how much landmarks differ between
    regions of one face.
    """
    fold = calibration.take(calibration.held_out)
    box = tight(fold.points[:, SLICES["aflw2000_68"]])
    found = read(model, fold, placed(box), cutting)
    moved = read(model, fold, placed(box, jittered(len(fold), 1)), cutting)
    out: dict[str, Any] = {
        "original": calibration_score(found, fold, "aflw2000_68"),
        "reannotated": calibration_score(found, fold, "ibug68"),
        "original, jittered": calibration_score(moved, fold, "aflw2000_68"),
    }
    merl = merl_rows(held, MERL)
    if len(merl):
        bad = placed(merl.box, jittered(len(merl)))
        out["merl"] = merl_score(read(model, merl, placed(merl.box), cutting), merl)
        out["merl, jittered"] = merl_score(read(model, merl, bad, cutting), merl)
        out["merl, jittered, fixed"] = merl_score(read(model, merl, bad, False), merl)
        out["spread"] = spread(model, merl.take(_some(len(merl), SPREAD_FACES)), cutting)
    out["pose"] = pose_errors(_rotations(model, calibration, cutting), calibration)["mean"]
    if model.landmarks.channels > 3:
        out["shown"] = _shown(model, fold, cropped(model, fold, placed(box), cutting))
    return out


def spread(model: Model, rows: Rows, cutting: bool = True) -> float:
    """Percent of the face's size: how far a landmark lies from its mean over badly placed regions of one picture."""
    looks = [read(model, rows, placed(rows.box, jittered(len(rows), 10 + i)), cutting) for i in range(SPREAD_LOOKS)]
    points = np.stack(looks)[:, :, SLICES["ibug68"]]
    off = ((points - points.mean(0)) ** 2).sum(-1).mean((0, 2))
    return round(float(100 * (np.sqrt(off) / merl_sizes(rows)).mean()), 3)


def _some(count: int, most: int) -> npt.NDArray[np.intp]:
    return np.unique(np.linspace(0, count - 1, min(most, count)).astype(np.intp))


def _rotations(model: Model, rows: Rows, cutting: bool) -> npt.NDArray[np.float32]:
    """(n, 3, 3) view_from_head in the picture."""
    crops = cropped(model, rows, placed(tight(rows.points[:, SLICES["aflw2000_68"]])), cutting)
    said = torch.cat([look(model, rows, crops[i : i + 64], slice(i, i + 64)).rotation for i in range(0, len(rows), 64)])
    roll = np.array([roll_of(crop) for crop in crops])
    c, s, zero = np.cos(roll), np.sin(roll), np.zeros(len(roll))
    turn = np.stack([c, -s, zero, s, c, zero, zero, zero, zero + 1], 1).reshape(-1, 3, 3)
    return np.asarray(turn @ said.numpy(), dtype=np.float32)


def _shown(model: Model, rows: Rows, crops: list[Any]) -> dict[str, list[float]]:
    """What the map does: nothing shown, one's own map, and looks that start from another face's."""

    def again(shown: torch.Tensor | None) -> tuple[torch.Tensor, list[float]]:
        parts = [slice(i, i + 64) for i in range(0, len(rows), 64)]
        said = [look(model, rows, crops[p], p, shown=None if shown is None else shown[p]) for p in parts]
        points = torch.cat([p.points for p in said])
        found = np.stack([apply(a, p) for a, p in zip(crops, points.numpy(), strict=True)])
        maps = torch.cat([asl.own_map(p) for p in said])
        return maps, calibration_score(found, rows, "aflw2000_68")

    first, out = again(None)
    scores = {"nothing": out}
    _, scores["own map"] = again(first)
    shown = first.roll(1, 0)
    for i in range(3):
        shown, scores[f"another face's map, look {i + 1}"] = again(shown)
    return scores
