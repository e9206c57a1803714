"""The features of the window, in the order of their docks and menus. To add one: its module, and a line here."""

from __future__ import annotations

from .feature import Factory
from .markers.live import LiveMarking
from .outputs import Outputs
from .person.feature import PersonFeature
from .recording import Recording
from .stability import Stability

FEATURES: tuple[Factory, ...] = (Stability, LiveMarking, Recording, Outputs, PersonFeature)
