"""The locator, and a photograph with one face."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from tracker.assets import ROOT
from tracker.detection.locator import Locator


@pytest.fixture(scope="module")
def locator() -> Locator:
    return Locator()


@pytest.fixture(scope="module")
def photo() -> np.ndarray:
    image = cv2.imread(str(ROOT / "demo" / "grace_hopper.jpg"))
    return np.ascontiguousarray(cv2.resize(image, (512, 600))[..., ::-1])
