"""A head's folder on disk, written whole or not at all, and the heads that this user keeps.

    avatar.json      format, program, facts, the views' fits, sha256 of every other file
    shape.npz        neutral, identity, lighting
    texture.png confidence.png provenance.png
    views/NNN.png    RGBA: picture and matte
    splats.npz       the splats' arrays, where there are any

A folder is built beside its place under a name that starts with a dot and renamed at the end; a head whose files do not
agree with avatar.json is refused.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import tempfile
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt
import platformdirs

from .. import __version__
from ..errors import ModelError, OutputError
from ..types import Camera, FaceState, Image
from .types import Avatar, View

FORMAT = 1
"""Version of the folder's layout; heads of another are refused."""
_ABOUT = "avatar.json"


def heads_folder() -> Path:
    """Where this user's heads are kept: one folder a head. They never leave the machine."""
    return Path(platformdirs.user_data_dir("stillpoint", appauthor=False)) / "heads"


def list_heads(folder: Path | None = None) -> list[Path]:
    """Folders that hold a head, by name."""
    folder = folder or heads_folder()
    if not folder.is_dir():
        return []
    return sorted(p for p in folder.iterdir() if not p.name.startswith(".") and (p / _ABOUT).is_file())


def views_folder(folder: Path) -> Path:
    """Where an unfinished build of the head `folder` keeps the views it chose."""
    return folder.parent / f".{folder.name}.views"


def unfinished(folder: Path | None = None) -> list[Path]:
    """Heads (their folders-to-be) whose builds were interrupted and have views kept, by name."""
    folder = folder or heads_folder()
    found = folder.glob(".*.views") if folder.is_dir() else ()
    return sorted(folder / views.name.removeprefix(".").removesuffix(".views") for views in found)


def delete_head(folder: Path) -> None:
    """Remove a head and every picture in it, those of an unfinished build too. Raises ModelError where there is
    neither."""
    head, views = (folder / _ABOUT).is_file(), views_folder(folder).is_dir()
    if not head and not views:
        raise ModelError(f"{folder} holds no head, so nothing was deleted.")
    if head:
        shutil.rmtree(folder)
    if views:
        shutil.rmtree(views_folder(folder))


def claim(folder: Path, overwrite: bool = False) -> None:
    """Raises OutputError where a head may not be written to `folder`: before an hour's work rather than after."""
    if folder.exists() and not (overwrite and (folder / _ABOUT).is_file()):
        what = "holds a head already; choose another folder, or --overwrite it"
        if not (folder / _ABOUT).is_file():
            what = "is there and holds no head; choose another folder"
        raise OutputError(f"{folder} {what}.")


def save_avatar(avatar: Avatar, folder: Path, overwrite: bool = False) -> None:
    """Write a head; `folder` appears, or is replaced, only once everything is on the disk.

    Raises OutputError where the folder is taken (and `overwrite` is false), or cannot be written.
    """
    claim(folder, overwrite)
    scratch: Path | None = None
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        scratch = Path(tempfile.mkdtemp(prefix=f".{folder.name}.", dir=folder.parent))
        _write(avatar, scratch)
        scratch.chmod(0o755)
        _put(scratch, folder)
    except OSError as error:
        raise OutputError(f"The head could not be written to {folder} ({error.strerror or error}).") from error
    finally:
        if scratch is not None:
            shutil.rmtree(scratch, ignore_errors=True)


def load_avatar(folder: Path) -> Avatar:
    """Read a head. Raises ModelError where the folder holds none, an unfinished, a damaged or another version's one."""
    about = folder / _ABOUT
    if not about.is_file():
        raise ModelError(f"{folder} holds no head; make one with: stillpoint head build PHOTO --out {folder}")
    try:
        facts = json.loads(about.read_text(encoding="utf-8"))
        if facts["format"] != FORMAT:
            raise ModelError(
                f"The head in {folder} has format {facts['format']}, this program reads {FORMAT}; build it again."
            )
        for name, wanted in facts["sha256"].items():
            if sha256_of(folder / name) != wanted:
                raise ModelError(f"The head in {folder} is damaged: {name} is not as it was written; build it again.")
        return _read(folder, facts)
    except (OSError, KeyError, ValueError, TypeError, AttributeError) as error:
        raise ModelError(f"The head in {folder} is damaged ({error}); build it again.") from error


Kept = tuple[str, Image, npt.NDArray[np.bool_], tuple[float, float, float, float]]
"""A chosen view: its name, picture (S, S, 3), which pixels are the picture's own (S, S), and the face's box."""


def save_views(folder: Path, digest: str, views: list[Kept]) -> None:
    """Keep the chosen views of an input (its sha256) for a build that may be interrupted. Raises OutputError."""
    scratch: Path | None = None
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        scratch = Path(tempfile.mkdtemp(prefix=f"{folder.name}.", dir=folder.parent))
        about = []
        for i, (name, image, shown, box) in enumerate(views):
            path = scratch / f"{i:03}.png"
            _save_png(path, np.dstack([image[..., ::-1], np.where(shown, np.uint8(255), np.uint8(0))]))
            about.append({"name": name, "box": box, "sha256": sha256_of(path)})
        (scratch / "views.json").write_text(json.dumps({"format": FORMAT, "input": digest, "views": about}))
        shutil.rmtree(folder, ignore_errors=True)
        scratch.rename(folder)
    except OSError as error:
        raise OutputError(f"The views could not be kept in {folder} ({error.strerror or error}).") from error
    finally:
        if scratch is not None:
            shutil.rmtree(scratch, ignore_errors=True)


def load_views(folder: Path, digest: str) -> list[Kept]:
    """The views kept of an input; empty where there are none, of another input, or damaged."""
    try:
        about = json.loads((folder / "views.json").read_text())
        if about["format"] != FORMAT or about["input"] != digest:
            return []
        views: list[Kept] = []
        for i, view in enumerate(about["views"]):
            if sha256_of(folder / f"{i:03}.png") != view["sha256"]:
                return []
            picture = _load_png(folder / f"{i:03}.png")
            x0, y0, x1, y1 = view["box"]
            views.append(
                (view["name"], np.ascontiguousarray(picture[..., 2::-1]), picture[..., 3] > 0, (x0, y0, x1, y1))
            )
        return views
    except (OSError, KeyError, ValueError, TypeError):
        return []


def _write(avatar: Avatar, folder: Path) -> None:
    np.savez_compressed(
        folder / "shape.npz", neutral=avatar.neutral, identity=avatar.identity, lighting=avatar.lighting
    )
    _save_png(folder / "texture.png", avatar.texture[..., ::-1])
    _save_png(folder / "confidence.png", avatar.confidence)
    _save_png(folder / "provenance.png", avatar.provenance)
    if avatar.views:
        (folder / "views").mkdir()
    for i, view in enumerate(avatar.views):
        _save_png(folder / "views" / f"{i:03}.png", np.dstack([view.image[..., ::-1], view.matte]))
    if avatar.splats is not None:
        arrays: dict[str, Any] = dict(avatar.splats)
        np.savez_compressed(folder / "splats.npz", **arrays)
    files = sorted(p for p in folder.rglob("*") if p.is_file())
    about = {
        "format": FORMAT,
        "program": f"stillpoint {__version__}",
        "facts": dict(avatar.facts),
        "views": [{"name": v.name, "sharp": float(v.sharp), "state": _plain(v.state)} for v in avatar.views],
        "sha256": {p.relative_to(folder).as_posix(): sha256_of(p) for p in files},
    }
    (folder / _ABOUT).write_text(json.dumps(about, indent=1), encoding="utf-8")
    for path in (*files, folder / _ABOUT):
        with path.open("rb") as written:
            os.fsync(written.fileno())


def _put(scratch: Path, folder: Path) -> None:
    """Rename the finished folder into place; what was there goes only after that."""
    old: Path | None = None
    if folder.exists():
        old = Path(tempfile.mkdtemp(prefix=f".{folder.name}.old.", dir=folder.parent)) / "head"
        folder.rename(old)
    try:
        scratch.rename(folder)
    except OSError:
        if old is not None:
            old.rename(folder)
        raise
    finally:
        if old is not None:
            shutil.rmtree(old.parent, ignore_errors=True)


def _read(folder: Path, about: dict[str, Any]) -> Avatar:
    with np.load(folder / "shape.npz") as data:
        neutral, identity, lighting = data["neutral"], data["identity"], data["lighting"]
    splats = None
    if (folder / "splats.npz").is_file():
        with np.load(folder / "splats.npz") as data:
            splats = {name: data[name] for name in data.files}
    views = []
    for i, view in enumerate(about["views"]):
        picture = _load_png(folder / "views" / f"{i:03}.png")
        views.append(
            View(
                view["name"],
                np.ascontiguousarray(picture[..., 2::-1]),
                np.ascontiguousarray(picture[..., 3]),
                _state(view["state"]),
                view["sharp"],
            )
        )
    return Avatar(
        neutral=neutral,
        identity=identity,
        texture=np.ascontiguousarray(_load_png(folder / "texture.png")[..., ::-1]),
        confidence=_load_png(folder / "confidence.png"),
        provenance=_load_png(folder / "provenance.png"),
        lighting=lighting,
        views=tuple(views),
        facts=about["facts"],
        splats=splats,
    )


def _plain(state: FaceState) -> dict[str, Any]:
    return {
        "rotation": state.rotation.tolist(),
        "centre": state.centre.tolist(),
        "scale": float(state.scale),
        "nearness": float(state.nearness),
        "camera": [float(state.camera.focal), float(state.camera.cx), float(state.camera.cy)],
        "identity": state.identity.tolist(),
        "expression": state.expression.tolist(),
    }


def _state(plain: dict[str, Any]) -> FaceState:
    def array(name: str) -> npt.NDArray[np.float32]:
        return np.array(plain[name], dtype=np.float32)

    none = np.zeros(0, np.float32)
    return FaceState(
        array("rotation"), array("centre"), plain["scale"], plain["nearness"], Camera(*plain["camera"]),
        array("identity"), array("expression"), none, none,
    )  # fmt: skip


def sha256_of(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def _save_png(path: Path, image: npt.NDArray[np.uint8]) -> None:
    path.write_bytes(cv2.imencode(".png", image, [cv2.IMWRITE_PNG_COMPRESSION, 4])[1].tobytes())


def _load_png(path: Path) -> npt.NDArray[np.uint8]:
    image = cv2.imdecode(np.frombuffer(path.read_bytes(), np.uint8), cv2.IMREAD_UNCHANGED)
    if image is None:
        raise ValueError(f"{path.name} is not a picture")
    return np.asarray(image, dtype=np.uint8)
