"""The binary container of glTF 2.0: accessors over one chunk of bytes, and the file round it."""

from __future__ import annotations

import json
import struct
from typing import Any

import numpy as np
import numpy.typing as npt

FLOAT, USHORT, UBYTE = 5126, 5123, 5121
ARRAY, INDEX = 34962, 34963
_TYPES = {1: "SCALAR", 2: "VEC2", 3: "VEC3", 4: "VEC4", 16: "MAT4"}


class Buffer:
    """Accessors over one binary chunk, each part aligned to four bytes."""

    def __init__(self) -> None:
        self.data = bytearray()
        self.views: list[dict[str, Any]] = []
        self.accessors: list[dict[str, Any]] = []

    def add(self, values: npt.NDArray[Any], component: int, target: int | None = None, **facts: Any) -> int:
        """Values (n,) or (n, k) -> the accessor's index; `facts` such as min and max are put into it."""
        raw = np.ascontiguousarray(values).tobytes()
        self.views.append({"buffer": 0, "byteOffset": len(self.data), "byteLength": len(raw)})
        if target is not None:
            self.views[-1]["target"] = target
        self.data += raw + b"\0" * (-len(raw) % 4)
        kind = _TYPES[1 if values.ndim == 1 else values.shape[1]]
        self.accessors.append(
            {"bufferView": len(self.views) - 1, "componentType": component, "count": len(values), "type": kind, **facts}
        )
        return len(self.accessors) - 1

    def bounded(self, values: npt.NDArray[np.float32], target: int | None = None) -> int:
        """With the least and the greatest of each component, where the format asks for them."""
        flat = values.reshape(len(values), -1)
        least, greatest = flat.min(0).tolist(), flat.max(0).tolist()
        return self.add(values, FLOAT, target, min=least, max=greatest)

    def blob(self, raw: bytes) -> int:
        """Bytes that are no array, such as a picture -> the buffer view's index."""
        self.views.append({"buffer": 0, "byteOffset": len(self.data), "byteLength": len(raw)})
        self.data += raw + b"\0" * (-len(raw) % 4)
        return len(self.views) - 1


def binary(document: dict[str, Any], data: bytes) -> bytes:
    """A .glb: a header of 12 bytes, the chunk of JSON, the binary chunk, each filled up to four bytes."""
    text = json.dumps(document, separators=(",", ":")).encode("utf-8")
    text += b" " * (-len(text) % 4)
    data += b"\0" * (-len(data) % 4)
    chunks = struct.pack("<II", len(text), 0x4E4F534A) + text + struct.pack("<II", len(data), 0x004E4942) + data
    return struct.pack("<III", 0x46546C67, 2, 12 + len(chunks)) + chunks
