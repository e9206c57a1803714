"""`stillpoint head render | export | list | delete`: a personal head as pictures, videos and files."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import cv2
from cyclopts import Parameter
from rich.console import Console
from rich.progress import Progress
from rich.table import Table

from ..errors import ModelError, OutputError, SettingsError
from ..types import Array, Frame, Image, TrackResult
from ..whole import whole

_CRF = 24
_SWIM_EVERY = 6
"""Of a clip's expressions, every such one is looked at for swimming texture."""
_Flag = Parameter(negative="")


def render(
    head: str,
    *,
    turntable: Annotated[bool, _Flag] = False,
    sheet: Annotated[bool, _Flag] = False,
    clip: str | None = None,
    out: Path | None = None,
    size: int = 360,
    tint: Annotated[bool, _Flag] = False,
    mesh: Annotated[bool, _Flag] = False,
) -> None:
    """Draw a head: from all round, on one sheet, or doing what a clip's person does.

    Parameters
    ----------
    head:
        The head's folder, or the name of one that this user keeps.
    turntable:
        A video of one turn.
    sheet:
        One picture of the head from six sides and with an expression, as splats, as mesh, and tinted.
    clip:
        A video: beside it the head does the same. Says how well the apertures of lips and lids agree, and whether the
        texture swims; a .json beside the video keeps the figures.
    out:
        The file to write (.mp4 or .mkv; .png for a sheet); else beside where you are, named after the head.
    size:
        Pixels a side.
    tint:
        Colour what was seen green, what was mirrored blue, and what was guessed orange.
    mesh:
        The textured mesh instead of the splats.
    """
    from ..avatar.show import TURN_FPS, TURN_FRAMES, drawer
    from ..avatar.show import turntable as turn
    from ..avatar.store import load_avatar

    if [turntable, sheet, clip is not None].count(True) != 1:
        raise SettingsError("Say what to draw: --turntable, --sheet or --clip CLIP.")
    if not 64 <= size <= 1024:
        raise SettingsError(f"--size {size}: between 64 and 1024 pixels are wanted.")
    folder = head_folder(head)
    avatar = load_avatar(folder)
    console = Console()
    if avatar.splats is None and not mesh:
        console.print("This head has no splats (it was built without torch): its textured mesh is drawn.")
    draws = drawer(avatar, mesh)
    what = "turntable" if turntable else "sheet" if sheet else "clip"
    path = out or Path(f"{folder.name}-{what}{'.png' if sheet else '.mp4'}")
    if sheet:
        _write_sheet(folder, path, min(size, 360))
    elif clip is not None:
        _write_clip(clip, folder, path, size, mesh, console)
    else:
        with Progress(console=console) as bar:
            task = bar.add_task("Turning", total=TURN_FRAMES)
            pictures = []
            for picture in turn(draws, size - size % 2, tinted=tint):
                pictures.append(picture)
                bar.advance(task)
        _write_video(path, [(picture, i / TURN_FPS) for i, picture in enumerate(pictures)], TURN_FPS)
    console.print(f"Wrote {path} ({path.stat().st_size / 1e6:.1f} MB).")


def export(head: str, *, to: str, out: Path | None = None) -> None:
    """Write a head for other programs: ply (Gaussian splats), gltf (texture, skin, 52 shapes), obj.

    Parameters
    ----------
    head:
        The head's folder, or the name of one that this user keeps.
    to:
        ply, gltf or obj.
    out:
        A folder; else the current one gets a folder named after the head.
    """
    from ..avatar.export import export as write
    from ..avatar.store import load_avatar

    folder = head_folder(head)
    path = write(load_avatar(folder), to, out or Path(f"{folder.name}-export"))
    Console().print(f"Wrote {path} ({path.stat().st_size / 1e6:.1f} MB).")


def list_() -> None:
    """List the heads that this user keeps on this machine."""
    from ..avatar.store import heads_folder, list_heads, load_avatar, unfinished

    console = Console()
    found, begun = list_heads(), unfinished()
    if begun:
        names = ", ".join(folder.name for folder in begun)
        console.print(f"Begun and not finished, with views kept: {names}.", markup=False, highlight=False)
    if not found:
        console.print(f"There is no head in {heads_folder()} yet; make one with: stillpoint head build PHOTO")
        return
    table = Table("name", "from", "views", "splats", "seen", "folder")
    for folder in found:
        try:
            avatar = load_avatar(folder)
        except ModelError as error:
            table.add_row(folder.name, str(error), "", "", "", str(folder))
            continue
        seen = avatar.facts.get("shares", {}).get("seen")
        count = str(len(avatar.splats["triangle"])) if avatar.splats is not None else "none"
        share = f"{100 * seen:.0f} %" if isinstance(seen, float) else ""
        table.add_row(
            folder.name, str(avatar.facts.get("source", "")), str(len(avatar.views)), count, share, str(folder)
        )
    console.print(table)


def delete(head: str) -> None:
    """Delete a head and the pictures in it, for good; or what an interrupted build kept.

    Parameters
    ----------
    head:
        The head's folder, or the name of one that this user keeps.
    """
    from ..avatar.store import delete_head, heads_folder, views_folder

    begun = [folder for folder in (Path(head), heads_folder() / head) if views_folder(folder).is_dir()]
    folder = begun[0] if begun and not Path(head).is_dir() else head_folder(head)
    delete_head(folder)
    Console().print(f"Deleted {folder}.")


def head_folder(head: str) -> Path:
    """A folder as it is given, or the folder of a kept head's name. Raises ModelError where there is neither."""
    from ..avatar.store import heads_folder, list_heads

    given = Path(head)
    if given.is_dir():
        return given
    kept = heads_folder() / head
    if given.name == head and kept in list_heads():
        return kept
    names = ", ".join(path.name for path in list_heads()) or "none yet"
    raise ModelError(f"There is no head {head}: neither a folder, nor one of the kept heads ({names}).")


def _write_sheet(folder: Path, path: Path, size: int) -> None:
    from ..avatar.show import Drawer, MeshHead, drawer, sheet
    from ..avatar.store import load_avatar

    avatar = load_avatar(folder)
    best = drawer(avatar)
    rows: list[tuple[str, Drawer, bool]] = [(f"{folder.name}: textured mesh", MeshHead(avatar), False)]
    if avatar.splats is not None:
        rows.insert(0, (f"{folder.name}: splats", best, False))
    rows.append(("seen green, mirrored blue, guessed orange", best, True))
    picture = sheet(rows, size)
    done, data = cv2.imencode(path.suffix if path.suffix in (".png", ".jpg") else ".png", picture[..., ::-1])
    if not done:
        raise OutputError(f"The sheet cannot be encoded as {path.suffix}.")
    try:
        with whole(path) as part:
            part.write_bytes(data.tobytes())
    except OSError as error:
        raise OutputError(f"{path} cannot be written ({error.strerror}); check the folder and the disk.") from error


def _write_clip(clip: str, folder: Path, path: Path, size: int, mesh: bool, console: Console) -> None:
    from ..avatar.drive import Driver
    from ..avatar.perform import Agreement, perform
    from ..avatar.show import drawer
    from ..avatar.store import load_avatar
    from ..avatar.swim import swimming
    from ..capture import open_source
    from ..detection.follow import FaceTracker
    from ..temporal import Stabilizer

    draws, agreement = drawer(load_avatar(folder), mesh), Agreement()
    driver = Driver(draws.avatar)
    tracker, stabilizer = FaceTracker(max_faces=1), Stabilizer("default")
    expressions: list[Array] = []
    with open_source(clip) as source, Progress(console=console) as bar:
        task = bar.add_task("Performing", total=source.info.frames)
        rate = source.info.fps or 30.0

        def results() -> Iterator[tuple[Frame, TrackResult]]:
            for frame in source:
                bar.advance(task)
                result = stabilizer.apply(tracker.step(frame))
                if result.faces and frame.index % _SWIM_EVERY == 0:
                    expressions.append(driver.state(result.faces[0]).expression)
                yield frame, result

        shown = perform(results(), draws, FaceTracker(max_faces=1), agreement, size - size % 2)
        _write_video(path, shown, rate)
    swum = swimming(draws, expressions, size - size % 2)
    apertures = agreement.figures()
    figures = {"clip": Path(clip).name, "head": folder.name, "apertures": apertures, "swimming": asdict(swum)}
    with whole(path.with_suffix(".json")) as scratch:
        scratch.write_text(json.dumps(figures, indent=1) + "\n", encoding="utf-8")
    for way, words in (("mesh", "the head's mesh"), ("seen", "the drawn head, looked at")):
        for part, found in apertures[way].items():
            value, slope, frames = found["correlation"], found["gain"], found["frames"]
            said = "too little to compare" if value is None else f"correlation {value:.2f}, gain {slope:.2f}"
            console.print(f"Aperture of the {part}, clip and {words}, {frames} frames: {said}", highlight=False)
    if swum.rests_px is not None:
        console.print(f"Skin on a mesh that rests moves by {swum.rests_px} px at most (95 % of it).", highlight=False)
    if swum.beside_px is not None:
        console.print(
            f"Skin that moves by {swum.way_px} px lies {swum.beside_px} px beside the mesh's way (medians).",
            highlight=False,
        )


def _write_video(path: Path, pictures: Iterable[tuple[Image, float]], fps: float) -> None:
    from av.error import FFmpegError

    from ..session.video import VideoWriter

    if path.suffix not in (".mp4", ".mkv"):
        raise OutputError(f"{path.name}: a video's name ends in .mp4 or .mkv.")
    scratch = path.with_name(f".{path.stem}.part{path.suffix}")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        writer = VideoWriter(scratch, fps, crf=_CRF)
        try:
            for picture, time in pictures:
                writer.add(picture, time)
        finally:
            writer.close()
        if writer.frames == 0:
            raise OutputError("No face was found in the clip, so there is nothing to show.")
        scratch.replace(path)
    except (OSError, FFmpegError) as error:
        raise OutputError(
            f"{path} cannot be written ({error.strerror or error}); check the folder and the disk."
        ) from error
    finally:
        scratch.unlink(missing_ok=True)
