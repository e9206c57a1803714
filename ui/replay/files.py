"""Labels from and to files of other programs, and the session to them, from the replay window's menu."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from PyQt6.QtCore import Qt
from PyQt6.QtWidgets import QFileDialog, QWidget

from tracker.errors import StillpointError
from tracker.session.labels import FORMATS, new_id, to_eaf
from tracker.session.reason import reason_of
from tracker.whole import whole

from ..export_dialog import ExportDialog
from .desk import Desk
from .grab import framed

NAMES = {".txt": "Audacity", ".csv": "CSV", ".tsv": "BIDS events", ".eaf": "ELAN"}


class Files:
    """`read` and `write` ask for a file; `take` and `put` have one."""

    def __init__(self, window: QWidget, desk: Desk) -> None:
        self._window, self._desk = window, desk

    def read(self) -> None:
        every = " ".join(f"*{end}" for end in FORMATS)
        name, _ = QFileDialog.getOpenFileName(self._window, "Import labels", "", f"Labels ({every})")
        if name:
            self.take(Path(name))

    def write(self) -> None:
        kinds = ";;".join(f"{NAMES[end]} (*{end})" for end in FORMATS)
        start = str(self._desk.session.folder / "labels.csv")
        name, kind = QFileDialog.getSaveFileName(self._window, "Export labels", start, kinds)
        if name:
            path = Path(name)
            end = next((end for end in FORMATS if f"*{end}" in kind), ".csv")
            self.put(path if path.suffix in FORMATS else path.with_name(path.name + end))

    def export(self) -> None:
        """The dialog, with this session as it is now."""
        self._desk.save()
        dialog = ExportDialog(self._window)
        dialog.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        dialog.choose(self._desk.session.folder)
        dialog.show()

    def take(self, path: Path) -> None:
        """One step that can be undone; what had to be mended is told."""
        desk = self._desk
        if path.suffix.lower() not in FORMATS:
            known = ", ".join(f"{name} ({end})" for end, name in NAMES.items())
            desk.told.emit("trouble", f"{path.name} is of no format that is read; take one of {known}.")
            return
        try:
            read = FORMATS[path.suffix.lower()][1](path.read_bytes())
        except StillpointError as error:
            desk.told.emit("trouble", f"{path.name}: {error}")
            return
        except OSError as error:
            desk.told.emit("trouble", f"{path} cannot be read ({reason_of(error)}).")
            return
        taken = [framed(replace(one, id=new_id(), source="import"), desk.line) for one in read.labels]
        late = sum(one.start > desk.line.duration for one in read.labels)
        ids = desk.edits.add(taken, f"Import {path.name}")
        desk.select(set(ids))
        said = [f"{len(ids)} labels of {path.name} were added.", *read.notes[:3]]
        if len(read.notes) > 3:
            said.append(f"And {len(read.notes) - 3} more of the kind.")
        if late:
            said.append(f"{late} of them lie behind the session's end.")
        desk.told.emit("notice", " ".join(said))

    def put(self, path: Path) -> None:
        desk = self._desk
        labels = desk.book.labels
        video = desk.session.video
        try:
            if path.suffix == ".eaf":
                data = to_eaf(labels, video.name if video else "", str(desk.session.about.get("started_utc", "")))
            else:
                data = FORMATS[path.suffix][0](labels)
            with whole(path) as scratch:
                scratch.write_bytes(data)
        except OSError as error:
            desk.told.emit("trouble", f"{path} cannot be written ({reason_of(error)}); choose another place.")
            return
        desk.told.emit("notice", f"{len(labels)} labels were written to {path}.")
