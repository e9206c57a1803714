"""The program that runs MediaPipe's FaceLandmarker. It stands alone: it needs mediapipe and numpy, nothing of ours.

    python mediapipe_worker.py MODEL.task VIDEO|IMAGE

Standard input: for each frame a header of three little-endian numbers (uint32 height, uint32 width, float64 seconds)
and height * width * 3 bytes RGB. Standard output: for each frame a header (float64 seconds spent, uint32 points,
uint32 blendshapes), then float32 points x, y, z (x, y in pixels, the first pixel's centre at 0.5) and blendshapes.
Before all of these one line: "ready", or "ready offline" where the process has no network. Releases of MediaPipe since
0.10.22 send statistics of their use to Google (google-ai-edge/mediapipe, issue 6291); on Linux, where the system lets
a process without rights do so, the network is taken away before the library is loaded.
"""

import ctypes
import os
import struct
import sys
import time
from pathlib import Path

HEADER = struct.Struct("<IId")
ANSWER = struct.Struct("<dII")


_NEW_USER, _NEW_NETWORK = 0x10000000, 0x40000000  # CLONE_NEWUSER, CLONE_NEWNET


def leave_network() -> bool:
    """Move this process (of one thread still) where there is no network; False where that cannot be done."""
    try:
        return sys.platform == "linux" and bool(ctypes.CDLL(None).unshare(_NEW_USER | _NEW_NETWORK) == 0)
    except (OSError, AttributeError):
        return False


def main() -> None:
    """Answer frames until standard input ends."""
    offline = leave_network()
    out = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)  # whatever the library prints must not reach the answers
    here = Path(__file__).resolve().parent
    sys.path[:] = [p for p in sys.path if Path(p).resolve() != here]  # another mediapipe.py lies there
    import mediapipe
    import numpy as np
    from mediapipe.tasks.python import BaseOptions, vision

    model, mode = sys.argv[1], sys.argv[2]
    video = mode == "VIDEO"
    options = vision.FaceLandmarkerOptions(
        base_options=BaseOptions(model_asset_path=model),
        running_mode=vision.RunningMode.VIDEO if video else vision.RunningMode.IMAGE,
        output_face_blendshapes=True,
    )
    last = -1
    with vision.FaceLandmarker.create_from_options(options) as landmarker:
        out.write(b"ready offline\n" if offline else b"ready\n")
        out.flush()
        while True:
            header = sys.stdin.buffer.read(HEADER.size)
            if len(header) < HEADER.size:
                return
            height, width, seconds = HEADER.unpack(header)
            pixels = np.frombuffer(sys.stdin.buffer.read(height * width * 3), np.uint8).reshape(height, width, 3)
            start = time.perf_counter()
            image = mediapipe.Image(image_format=mediapipe.ImageFormat.SRGB, data=pixels)
            if video:
                last = max(last + 1, round(seconds * 1000))
                result = landmarker.detect_for_video(image, last)
            else:
                result = landmarker.detect(image)
            points = np.zeros((0, 3), np.float32)
            if result.face_landmarks:
                points = np.array(
                    [(p.x * width, p.y * height, p.z * width) for p in result.face_landmarks[0]], np.float32
                )
            shapes = np.zeros(0, np.float32)
            if result.face_blendshapes:
                shapes = np.array([c.score for c in result.face_blendshapes[0]], np.float32)
            spent = time.perf_counter() - start
            out.write(ANSWER.pack(spent, len(points), len(shapes)) + points.tobytes() + shapes.tobytes())
            out.flush()


if __name__ == "__main__":
    main()
