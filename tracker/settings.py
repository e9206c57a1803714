"""Every setting of Stillpoint, typed, in one tree, read once: defaults <- file <- environment <- command line.

The file is TOML (`settings_path()`), its tables are the structs below. The environment spells the same keys as
STILLPOINT_<TABLE>__<KEY>, for example STILLPOINT_CAPTURE__FPS=60. Unknown keys are errors, not surprises.
"""

from __future__ import annotations

import functools
import os
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Literal, get_args, get_type_hints

import msgspec
import platformdirs

from .errors import SettingsError
from .toml import toml_of
from .whole import whole

Count = Annotated[int, msgspec.Meta(ge=0)]
Amount = Annotated[float, msgspec.Meta(ge=0)]
Above = Annotated[float, msgspec.Meta(gt=0)]


class Capture(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What is asked of a camera. 0 leaves the choice to the driver.

    A camera or stream that sends nothing for `stall_s` seconds is opened again, every `retry_s`. A command that has
    waited `give_up_s` for it ends (0: never, as the window, which always goes on).
    """

    source: str = "demo"
    width: Count = 1280
    height: Count = 720
    fps: Amount = 30.0
    fourcc: str = "MJPG"
    retry_s: Amount = 1.0
    stall_s: Above = 2.0
    give_up_s: Amount = 60.0


class Detection(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The detector. `threads` 0 means one; `focal` 0 means that 65 degrees of horizontal view are assumed."""

    engine: Literal["auto", "onnx", "onnx:int8", "torch", "torch:cuda"] = "auto"
    model: str = "default"
    max_faces: Annotated[int, msgspec.Meta(ge=1)] = 1
    threads: Count = 0
    focal: Amount = 0.0


class OneEuro(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The 1 euro filter (Casiez et al., CHI 2012); speeds are divided by the face's size."""

    min_cutoff: Above = 1.0
    beta: Amount = 20.0
    d_cutoff: Above = 1.0


class Kalman(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Constant velocity: `process` scales the expected acceleration, `measurement` the network's own noise."""

    process: Above = 1.0
    measurement: Above = 1.0


class Still(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The default filter: `calm` scales the noise that it expects (2: calmer and later, 0.5: livelier).

    `identity_s`: after so many seconds the shape of the person's head has forgotten what it was.
    """

    calm: Above = 1.0
    identity_s: Above = 20.0


class Filter(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The temporal filter: `method` is none, one_euro, kalman or default; for a recording, rts too.

    A face that is lost stays for `hold_s` seconds while it fades; one that was away for longer than `loss_s` seconds
    starts anew. `ahead_ms`: the pose is given as it will be so much later, when it is on the screen (0: as it is).
    `expression` and `eyelids` (with the jaw) are 1 euro filters in the methods "one_euro" and "default"; `one_euro`
    itself is that of the pose.
    """

    method: str = "default"
    hold_s: Amount = 0.25
    loss_s: Amount = 0.3
    ahead_ms: Annotated[float, msgspec.Meta(ge=0, le=100)] = 0.0
    one_euro: OneEuro = OneEuro()
    kalman: Kalman = Kalman()
    still: Still = Still()
    expression: OneEuro = OneEuro(min_cutoff=1.5, beta=3.0, d_cutoff=1.0)
    eyelids: OneEuro = OneEuro(min_cutoff=6.0, beta=10.0, d_cutoff=20.0)


class Stream(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What is sent to other programs: `to` is targets with blanks between, such as "vmc opentrack:127.0.0.1:4242".

    `rate` packets a second at most (0: every frame). `invert_*`: signs of the head's angles and of its axes (x the
    subject's left, y up, z towards the camera). `mirror`: an avatar that moves as a mirror does. `names`: the shapes
    in VMC, ARKit's in three spellings or VRM's presets. `allow_remote`: addresses beyond this computer; there the
    WebSocket asks for the `token`. `camera`: which virtual camera (its device), where there are several.
    """

    to: str = ""
    rate: Amount = 60.0
    allow_remote: bool = False
    invert_yaw: bool = False
    invert_pitch: bool = False
    invert_roll: bool = False
    invert_x: bool = False
    invert_y: bool = False
    invert_z: bool = False
    mirror: bool = False
    names: Literal["pascal", "camel", "underscore", "vrm0", "vrm1"] = "pascal"
    subject: str = "Stillpoint"
    facial_mocap: Literal["v1", "v2"] = "v2"
    osc_prefix: str = "/stillpoint"
    token: str = ""
    camera: str = ""


class Record(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """How sessions are recorded. `preroll_s`: so many seconds before the button was pressed are recorded too (30 at
    most). `stop_after_s` ends a recording by itself (0: never).

    `overlay`: a second video with the overlay drawn in. `lossless`: the clean video keeps every bit, at about 15 times
    the size. `subject`, a pseudonym, and `consent`, a text, are written into session.json.
    """

    preroll_s: Amount = 0.0
    stop_after_s: Amount = 0.0
    overlay: bool = False
    lossless: bool = False
    subject: str = ""
    consent: str = ""


class Annotate(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Markers. `labels`: NAME=KEY #rrggbb with semicolons between (`session.label_set`); `author` is written beside
    what a person marks and corrects.

    The others switch markers that make themselves: face lost and found, blink, mouth open, head turn, stabilizer reset;
    `*_at` are the shapes (0..1) and the yaw (degrees) where they begin.
    """

    labels: str = "mark=1 #f0a52a; speech=2 #5ab8f0; smile=3 #3fd0a0; look away=4 #e88ac0"
    author: str = ""
    face: bool = True
    blink: bool = True
    mouth: bool = True
    turn: bool = True
    reset: bool = True
    blink_at: float = 0.3
    mouth_at: float = 0.3
    turn_at: float = 20.0


class Compare(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """How the window compares: raw and stabilized `arrangement`; displacements drawn `magnify` times; a close-up of one
    `landmark` of the 68.

    `mediapipe`: the person agreed that MediaPipe runs beside it, from the interpreter `python` (empty: looked for) with
    the FaceLandmarker file `model`.
    """

    arrangement: Literal["one", "beside", "split"] = "one"
    magnifier: bool = False
    magnify: Above = 10.0
    close_up: bool = False
    landmark: Annotated[int, msgspec.Meta(ge=0, le=67)] = 30
    mediapipe: bool = False
    python: str = ""
    model: str = ""


class View(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What the window draws. `follow`: the 3D head turns with the face, or stays frontal; `renderer`: of the head;
    `person`: the kept personal head that is drawn ("": the generic one)."""

    layout: str = "mediapipe478"
    landmarks: bool = True
    mesh: bool = False
    box: bool = False
    axes: bool = True
    follow: bool = True
    renderer: Literal["auto", "opengl", "software"] = "auto"
    person: str = ""
    theme: Literal["system", "light", "dark"] = "system"


class Settings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """All of it."""

    capture: Capture = Capture()
    detection: Detection = Detection()
    filter: Filter = Filter()
    record: Record = Record()
    annotate: Annotate = Annotate()
    stream: Stream = Stream()
    compare: Compare = Compare()
    view: View = View()


def settings_path() -> Path:
    """The user's settings file; STILLPOINT_SETTINGS names another."""
    named = os.environ.get("STILLPOINT_SETTINGS")
    return Path(named) if named else Path(platformdirs.user_config_dir("stillpoint")) / "settings.toml"


def load_settings(path: Path | None = None, environ: Mapping[str, str] | None = None) -> Settings:
    """Defaults, overlaid by the file (where there is one) and by the environment.

    Raises SettingsError for a file that is not TOML, an unknown key, or a value of the wrong kind.
    """
    path = path or settings_path()
    tree: dict[str, Any] = {}
    if path.is_file():
        try:
            tree = tomllib.loads(path.read_text(encoding="utf-8"))
        except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
            raise SettingsError(
                f"{path} is not valid TOML ({error}); mend it, or delete it for the defaults."
            ) from error
    for name, value in (environ if environ is not None else os.environ).items():
        if name.startswith("STILLPOINT_") and "__" in name:
            _put(tree, name.removeprefix("STILLPOINT_").lower().split("__"), value)
    return settings_from(tree, where=f"settings ({path} and STILLPOINT_ variables)")


def settings_from(tree: Mapping[str, Any], where: str = "settings") -> Settings:
    """A tree of plain values -> Settings; raises SettingsError naming the key."""
    try:
        return msgspec.convert(tree, Settings, strict=False)
    except msgspec.ValidationError as error:
        what, _, key = str(error).partition(" - at `$.")
        key = key.rstrip("`")
        place = where if key in ("", where) else f"{where}: {key}"
        choices = _choices(key) if what.startswith("Invalid enum value") else ""
        raise SettingsError(
            f"{place}: {what}{choices}; `stillpoint settings` lists every key with its default."
        ) from error


def _choices(key: str) -> str:
    """The words that a dotted key takes."""
    kind = functools.reduce(lambda kind, name: get_type_hints(kind)[name], key.split("."), Settings)
    return f", it is one of {', '.join(get_args(kind))}"


def settings_tree(settings: Settings) -> dict[str, Any]:
    """Settings -> plain values."""
    tree: dict[str, Any] = msgspec.to_builtins(settings)
    return tree


def with_setting(settings: Settings, key: str, value: Any) -> Settings:
    """A copy with one dotted key changed: with_setting(s, "filter.one_euro.beta", 5)."""
    tree = settings_tree(settings)
    _put(tree, key.split("."), value)
    return settings_from(tree, where=key)


def with_given(settings: Settings, given: Mapping[str, Any]) -> Settings:
    """A copy with those dotted keys changed that are given (not None): what a command line says over the settings."""
    for key, value in given.items():
        settings = settings if value is None else with_setting(settings, key, value)
    return settings


def save_settings(settings: Settings, path: Path | None = None) -> None:
    """Write those that differ from the defaults, atomically."""
    path = path or settings_path()
    path.parent.mkdir(parents=True, exist_ok=True)
    with whole(path) as scratch:
        scratch.write_text(toml_of(settings_tree(settings), settings_tree(Settings())), encoding="utf-8")


def _put(tree: dict[str, Any], keys: list[str], value: Any) -> None:
    for key in keys[:-1]:
        tree = tree.setdefault(key, {})
        if not isinstance(tree, dict):
            raise SettingsError(f"settings key {'.'.join(keys)}: {key} is a value, not a table.")
    tree[keys[-1]] = value
