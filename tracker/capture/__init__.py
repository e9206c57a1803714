"""Frames from cameras, files, streams, folders and the built-in demo, and the thread that reads them."""

from .message import Message
from .source import SOURCES, Kind, Source, SourceInfo, kind_of, open_source
from .thread import CaptureThread, Counters

__all__ = ["SOURCES", "CaptureThread", "Counters", "Kind", "Message", "Source", "SourceInfo", "kind_of", "open_source"]
