"""`stillpoint export`: a checkpoint -> the files that ship."""

from __future__ import annotations

from pathlib import Path

from .extras import wanted


def export(checkpoint: Path, *, out: Path, calibrate: Path | None = None) -> None:
    """Write ONNX graphs, the field of queries and the facts of a checkpoint into a folder.

    Fails where ONNX Runtime and torch differ.

    Parameters
    ----------
    checkpoint
        `last.pt` of a training run.
    out
        Folder of the model; give it to `--model`, or put it into assets/models.
    calibrate
        Folder with the training packs: write eight-bit weights too, their ranges taken from its pictures.
    """
    with wanted("Exporting needs torch"):
        from ..training.export import export as run
    for name, difference in run(checkpoint, out).items():
        print(f"{out / name}.onnx: differs from torch by at most {difference:.1e}")
    if calibrate is not None:
        from ..training.quantize import calibration_crops, quantize

        apart = quantize(out / "landmarks.onnx", out / "landmarks_int8.onnx", calibration_crops(calibrate))
        print(f"{out / 'landmarks_int8.onnx'}: faces lie {apart:.3f} crop pixels away on average")
