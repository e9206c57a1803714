# SPDX-License-Identifier: MIT
"""A program of its own: raw RGB pictures from its standard input to a virtual camera, until the input ends.

    python -I worker.py WIDTH HEIGHT FPS [DEVICE]

It first says one line of JSON: {"device": name} or {"error": text}. This file alone is under the MIT licence, imports
nothing of Stillpoint, and may therefore run with pyvirtualcam, which is under the GPL v2.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence


def say(**facts: str) -> None:
    sys.stdout.write(json.dumps(facts) + "\n")
    sys.stdout.flush()


def main(arguments: Sequence[str]) -> int:
    width, height, fps = int(arguments[0]), int(arguments[1]), float(arguments[2])
    device = arguments[3] if len(arguments) > 3 else None
    try:
        import numpy
        import pyvirtualcam

        camera = pyvirtualcam.Camera(width, height, fps, device=device)  # RGB is its own default
    except Exception as error:
        say(error=" ".join(str(error).split()) or type(error).__name__)
        return 1
    with camera:
        say(device=str(camera.device))
        size = width * height * 3
        while len(picture := sys.stdin.buffer.read(size)) == size:
            camera.send(numpy.frombuffer(picture, numpy.uint8).reshape(height, width, 3))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
