"""Keys that act while they are held, which Qt's shortcuts cannot tell."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from PyQt6.QtCore import QEvent, QObject, Qt
from PyQt6.QtGui import QKeyEvent, QKeySequence
from PyQt6.QtWidgets import QAbstractSpinBox, QApplication, QLineEdit, QPlainTextEdit, QTextEdit, QWidget

from .keys import BY_ACTION

TYPED_IN = (QLineEdit, QAbstractSpinBox, QTextEdit, QPlainTextEdit)


class HeldKeys(QObject):
    """Watches the keyboard for one window: each held key of the table calls with True, its release with False."""

    def __init__(self, window: QWidget, does: Mapping[str, Callable[[bool], object]]) -> None:
        super().__init__(window)
        self._window = window
        self._does: dict[Qt.Key, Callable[[bool], object]] = {}
        self._down: set[int] = set()
        self.listen({name: act for action, act in does.items() for name in BY_ACTION[action].keys})
        application = QApplication.instance()
        assert application is not None
        application.installEventFilter(self)

    def listen(self, does: Mapping[str, Callable[[bool], object]]) -> None:
        """Only these keys from now on, by Qt's portable names: for keys that people choose."""
        self.let_go()
        self._does = {QKeySequence(name)[0].key(): act for name, act in does.items()}

    def let_go(self) -> None:
        """Release all: the window lost the keyboard, and whoever has it now gets the real release."""
        for key in tuple(self._down):
            self._down.discard(key)
            self._does[Qt.Key(key)](False)

    def stop(self) -> None:
        """Watch no longer."""
        application = QApplication.instance()
        if application is not None:
            application.removeEventFilter(self)

    def eventFilter(self, watched: QObject | None, event: QEvent | None) -> bool:
        kinds = (QEvent.Type.KeyPress, QEvent.Type.KeyRelease)
        if isinstance(event, QKeyEvent) and event.type() in kinds and watched is self._target():
            plain = event.modifiers() == Qt.KeyboardModifier.NoModifier
            down, held = event.type() == QEvent.Type.KeyPress, event.key() in self._down
            act = self._does.get(Qt.Key(event.key())) if event.key() else None
            # Let go is let go, whatever else is held by then.
            if act is not None and (held or (plain and not isinstance(watched, TYPED_IN))):
                if not event.isAutoRepeat():
                    (self._down.add if down else self._down.discard)(event.key())
                    act(down)
                return True
        return super().eventFilter(watched, event)

    def _target(self) -> QObject:
        return QApplication.focusWidget() or self._window
