"""Edits of markers that can be undone, on Qt's stack: every one is journalled by the book as it is done and undone."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace

from PyQt6.QtGui import QUndoCommand, QUndoStack

from tracker.session.book import MarkerBook
from tracker.session.labels import Label, new_id

Put = Callable[[Label], object]


class Edit(QUndoCommand):
    """Labels by id, before and after; None: there was, or is, none."""

    def __init__(
        self,
        book: MarkerBook,
        words: str,
        before: Mapping[str, Label | None],
        after: Mapping[str, Label | None],
        done: bool = False,
    ) -> None:
        super().__init__(words)
        self._book, self._before, self._after = book, dict(before), dict(after)
        self._done = done

    def redo(self) -> None:
        if not self._done:
            self._take(self._after)
        self._done = False

    def undo(self) -> None:
        self._take(self._before)

    def _take(self, labels: Mapping[str, Label | None]) -> None:
        for name, label in labels.items():
            if label is None:
                self._book.remove(name)
            else:
                self._book.put(label)


class Edits:
    """What can be done to a book's labels, each as one step of `stack`."""

    def __init__(self, book: MarkerBook, stack: QUndoStack) -> None:
        self.book, self.stack = book, stack

    def add(self, labels: Iterable[Label], words: str = "Add a marker") -> list[str]:
        """Returns their ids."""
        new = [one if one.id else replace(one, id=new_id()) for one in labels]
        if new:
            self._push(words, {one.id: None for one in new}, {one.id: one for one in new})
        return [one.id for one in new]

    def change(self, labels: Iterable[Label], words: str = "Change markers") -> None:
        """Those with ids that the book has; what is as it was is no step."""
        after = {one.id: one for one in labels if self.book.get(one.id) not in (None, one)}
        if after:
            self._push(words, {name: self.book.get(name) for name in after}, after)

    def remove(self, ids: Iterable[str]) -> None:
        gone = {name: label for name in ids if (label := self.book.get(name)) is not None}
        if gone:
            many = "Delete a marker" if len(gone) == 1 else f"Delete {len(gone)} markers"
            self._push(many, gone, dict.fromkeys(gone))

    def swap(self, old: Mapping[str, Label], new: Iterable[Label], words: str) -> None:
        """These instead of those, as one step."""
        named = [one if one.id else replace(one, id=new_id()) for one in new]
        after: dict[str, Label | None] = {**dict.fromkeys(old), **{one.id: one for one in named}}
        if after:
            self._push(words, {name: old.get(name) for name in after}, after)

    def note(self, words: str, before: Mapping[str, Label | None], after: Mapping[str, Label | None]) -> None:
        """A step that was done already."""
        self.stack.push(Edit(self.book, words, before, after, done=True))

    def _push(self, words: str, before: Mapping[str, Label | None], after: Mapping[str, Label | None]) -> None:
        self.stack.push(Edit(self.book, words, before, after))
