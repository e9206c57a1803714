"""Light and dark: one table of colours each, from which palette, style sheet, icons and plots are made.

Text keeps a contrast of at least 4.5:1 on its background and lines 3:1; the plots' colours are told apart by people
who are colour-blind (after Okabe and Ito) and every curve also has its name.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

from PyQt6.QtCore import QByteArray, QObject, QRectF, Qt, pyqtSignal
from PyQt6.QtGui import QColor, QFont, QGuiApplication, QIcon, QPainter, QPalette, QPixmap
from PyQt6.QtSvg import QSvgRenderer
from PyQt6.QtWidgets import QApplication

from tracker import assets


@dataclass(frozen=True, slots=True)
class Colors:
    """Every colour of the window, as #rrggbb."""

    name: str
    window: str
    panel: str
    raised: str
    border: str
    text: str
    muted: str
    accent: str
    on_accent: str
    record: str
    on_record: str
    warn: str
    warn_text: str
    good: str
    stage: str
    series: tuple[str, ...]


DARK = Colors(
    name="dark",
    window="#12151a",
    panel="#191d24",
    raised="#252b35",
    border="#343c49",
    text="#e9edf3",
    muted="#9ba7b7",
    accent="#42c2b0",
    on_accent="#06201c",
    record="#ff5a52",
    on_record="#2a0503",
    warn="#3a2f12",
    warn_text="#ffd67a",
    good="#55d08f",
    stage="#0b0d10",
    series=("#5ab8f0", "#f0a52a", "#3fd0a0", "#e88ac0", "#f0e060", "#ff8a5c"),
)
LIGHT = Colors(
    name="light",
    window="#eef1f5",
    panel="#ffffff",
    raised="#e6eaf0",
    border="#c3cbd6",
    text="#171c23",
    muted="#55606e",
    accent="#0a776b",
    on_accent="#ffffff",
    record="#c5221f",
    on_record="#ffffff",
    warn="#fff3d1",
    warn_text="#6b4700",
    good="#157f45",
    stage="#dde2e9",
    series=("#0069ad", "#b85c00", "#00795a", "#a8447e", "#6b6200", "#c23b1a"),
)


class Theme(QObject):
    """The theme in force: follows the system unless told "light" or "dark"."""

    changed = pyqtSignal(object)

    def __init__(self, app: QApplication, choice: str = "system") -> None:
        super().__init__()
        self._app = app
        self.choice = choice
        self.colors = self._wanted()
        hints = QGuiApplication.styleHints()
        if hints is not None:
            hints.colorSchemeChanged.connect(self._follow)
        self._dress()

    def choose(self, choice: str) -> None:
        """Take "system", "light" or "dark"."""
        self.choice = choice
        self._follow()

    def flip(self) -> str:
        """The other one of light and dark; returns the choice."""
        self.choose("light" if self.colors is DARK else "dark")
        return self.choice

    def _wanted(self) -> Colors:
        if self.choice != "system":
            return DARK if self.choice == "dark" else LIGHT
        hints = QGuiApplication.styleHints()
        return DARK if hints is not None and hints.colorScheme() == Qt.ColorScheme.Dark else LIGHT

    def _follow(self) -> None:
        wanted = self._wanted()
        if wanted is not self.colors:
            self.colors = wanted
            self._dress()
            self.changed.emit(wanted)

    def _dress(self) -> None:
        self._app.setStyle("Fusion")
        self._app.setPalette(palette(self.colors))
        self._app.setStyleSheet(style_sheet(self.colors))


def palette(c: Colors) -> QPalette:
    """The Qt palette of a theme."""
    roles = QPalette.ColorRole
    result = QPalette()
    for role, color in {
        roles.Window: c.window,
        roles.WindowText: c.text,
        roles.Base: c.panel,
        roles.AlternateBase: c.raised,
        roles.Text: c.text,
        roles.Button: c.raised,
        roles.ButtonText: c.text,
        roles.BrightText: c.record,
        roles.ToolTipBase: c.raised,
        roles.ToolTipText: c.text,
        roles.PlaceholderText: c.muted,
        roles.Highlight: c.accent,
        roles.HighlightedText: c.on_accent,
        roles.Link: c.accent,
        roles.Light: c.raised,
        roles.Midlight: c.raised,
        roles.Mid: c.border,
        roles.Dark: c.border,
        roles.Shadow: c.stage,
    }.items():
        result.setColor(role, QColor(color))
    for role in (roles.Text, roles.WindowText, roles.ButtonText):
        result.setColor(QPalette.ColorGroup.Disabled, role, QColor(c.muted))
    return result


def style_sheet(c: Colors) -> str:
    """The style sheet of a theme."""
    return f"""
QMainWindow, QMainWindow > QWidget#stage {{ background: {c.window}; }}
QMainWindow::separator {{ background: {c.window}; width: 6px; height: 6px; }}
QMainWindow::separator:hover {{ background: {c.accent}; }}
QMenuBar {{ background: {c.window}; padding: 2px 4px; }}
QMenuBar::item {{ padding: 4px 10px; border-radius: 4px; background: transparent; }}
QMenuBar::item:selected {{ background: {c.raised}; }}
QMenu {{ background: {c.panel}; border: 1px solid {c.border}; padding: 4px; }}
QMenu::item {{ padding: 5px 26px 5px 22px; border-radius: 4px; }}
QMenu::item:selected {{ background: {c.accent}; color: {c.on_accent}; }}
QMenu::separator {{ height: 1px; background: {c.border}; margin: 4px 6px; }}
QToolTip {{ background: {c.raised}; color: {c.text}; border: 1px solid {c.border}; padding: 4px 6px; }}
QDockWidget {{ color: {c.muted}; font-weight: 600; }}
QDockWidget::title {{ background: {c.panel}; padding: 6px 10px; border-top-left-radius: 6px;
    border-top-right-radius: 6px; }}
QDockWidget > QWidget {{ background: {c.panel}; }}
QTabBar::tab {{ background: transparent; color: {c.muted}; padding: 6px 6px; border-bottom: 2px solid transparent; }}
QTabBar::scroller {{ width: 44px; }}
QTabBar QToolButton {{ padding: 0; border-radius: 3px; }}
QTabBar QToolButton::left-arrow {{ image: url("{_picture("arrow-left", c)}"); width: 10px; height: 10px; }}
QTabBar QToolButton::right-arrow {{ image: url("{_picture("arrow-right", c)}"); width: 10px; height: 10px; }}
QTabBar::tab:selected {{ color: {c.text}; border-bottom: 2px solid {c.accent}; }}
QTabBar::tab:hover {{ color: {c.text}; }}
QTabBar::tab:focus {{ color: {c.accent}; }}
QScrollArea, QScrollArea > QWidget > QWidget {{ background: {c.panel}; border: none; }}
QDialog QScrollArea, QDialog QScrollArea > QWidget > QWidget {{ background: transparent; }}
QScrollBar:vertical {{ background: transparent; width: 10px; margin: 0; }}
QScrollBar::handle:vertical {{ background: {c.border}; border-radius: 4px; min-height: 24px; margin: 1px; }}
QScrollBar::add-line, QScrollBar::sub-line {{ height: 0; width: 0; }}
QLabel[role="muted"] {{ color: {c.muted}; }}
QLabel[role="heading"] {{ color: {c.text}; font-weight: 600; }}
QLabel[role="value"] {{ color: {c.text}; }}
QLabel[role="warning"] {{ color: {c.warn_text}; background: {c.warn}; border-radius: 4px; padding: 5px 8px; }}
QPushButton, QToolButton {{ background: {c.raised}; border: 1px solid {c.border}; border-radius: 6px;
    padding: 5px 12px; color: {c.text}; }}
QToolButton {{ padding: 4px 8px; }}
QPushButton:hover, QToolButton:hover {{ border-color: {c.accent}; }}
QPushButton:pressed, QToolButton:pressed {{ background: {c.border}; }}
QPushButton:focus, QToolButton:focus {{ border: 2px solid {c.accent}; padding: 4px 11px; }}
QToolButton:focus {{ padding: 3px 7px; }}
QPushButton:disabled {{ color: {c.muted}; border-color: {c.raised}; }}
QPushButton:checked, QToolButton:checked {{ background: {c.accent}; color: {c.on_accent}; border-color: {c.accent}; }}
QPushButton[role="primary"] {{ background: {c.accent}; color: {c.on_accent}; border-color: {c.accent};
    font-weight: 600; }}
QPushButton[role="primary"]:disabled {{ background: {c.raised}; color: {c.muted}; border-color: {c.border}; }}
QPushButton[role="primary"]:focus {{ border: 2px solid {c.text}; }}
QPushButton[role="record"] {{ font-weight: 600; padding: 6px 18px; min-width: 92px; }}
QPushButton[role="record"]:checked {{ background: {c.record}; color: {c.on_record}; border-color: {c.record}; }}
QComboBox, QLineEdit, QSpinBox, QDoubleSpinBox {{ background: {c.window}; border: 1px solid {c.border};
    border-radius: 6px; padding: 4px 8px; min-height: 20px; color: {c.text};
    selection-background-color: {c.accent}; selection-color: {c.on_accent}; }}
QLineEdit {{ placeholder-text-color: {c.muted}; }}
QComboBox:focus, QLineEdit:focus, QSpinBox:focus, QDoubleSpinBox:focus {{ border: 2px solid {c.accent};
    padding: 3px 7px; }}
QComboBox:disabled, QLineEdit:disabled {{ color: {c.muted}; }}
QComboBox QAbstractItemView {{ background: {c.panel}; border: 1px solid {c.border}; outline: none;
    selection-background-color: {c.accent}; selection-color: {c.on_accent}; }}
QComboBox::drop-down {{ border: none; width: 22px; }}
QComboBox::down-arrow {{ image: url("{_picture("arrow-down", c)}"); width: 10px; height: 10px; }}
QAbstractSpinBox::up-button, QAbstractSpinBox::down-button {{ border: none; background: transparent; width: 22px; }}
QAbstractSpinBox::up-arrow {{ image: url("{_picture("arrow-up", c)}"); width: 9px; height: 9px; }}
QAbstractSpinBox::down-arrow {{ image: url("{_picture("arrow-down", c)}"); width: 9px; height: 9px; }}
QProgressBar {{ background: {c.raised}; border: none; border-radius: 4px; height: 8px; max-height: 8px; }}
QProgressBar::chunk {{ background: {c.accent}; border-radius: 4px; }}
QCheckBox, QRadioButton {{ spacing: 8px; padding: 2px; }}
QCheckBox::indicator, QTreeView::indicator {{ width: 14px; height: 14px; border: 1px solid {c.muted};
    border-radius: 4px; background: {c.window}; }}
QCheckBox::indicator:hover, QTreeView::indicator:hover {{ border-color: {c.accent}; }}
QCheckBox::indicator:checked, QTreeView::indicator:checked {{ background: {c.accent}; border-color: {c.accent};
    image: url("{_picture("check", c)}"); }}
QCheckBox::indicator:disabled {{ border-color: {c.border}; background: {c.raised}; }}
QCheckBox:disabled {{ color: {c.muted}; }}
QCheckBox:focus {{ color: {c.accent}; }}
QSlider::groove:horizontal {{ height: 4px; background: {c.border}; border-radius: 2px; }}
QSlider::sub-page:horizontal {{ background: {c.accent}; border-radius: 2px; }}
QSlider::handle:horizontal {{ background: {c.text}; width: 14px; height: 14px; margin: -5px 0; border-radius: 7px; }}
QSlider::handle:horizontal:focus {{ background: {c.accent}; border: 2px solid {c.text}; }}
QSlider::sub-page:horizontal:disabled {{ background: {c.muted}; }}
QStatusBar {{ background: {c.panel}; border-top: 1px solid {c.border}; }}
QStatusBar::item {{ border: none; }}
QFrame#banner {{ background: {c.warn}; border: 1px solid {c.warn_text}; border-radius: 6px; }}
QFrame#banner QLabel {{ color: {c.warn_text}; background: transparent; }}
QFrame#banner[kind="notice"] {{ background: {c.panel}; border: 1px solid {c.accent}; }}
QFrame#banner[kind="notice"] QLabel {{ color: {c.text}; }}
QFrame#divider {{ background: {c.border}; }}
QHeaderView::section {{ background: {c.panel}; color: {c.muted}; border: none; padding: 3px 6px; }}
QTableView, QTreeView {{ background: {c.panel}; border: 1px solid {c.border}; border-radius: 6px; padding: 2px;
    gridline-color: {c.border}; }}
QDialogButtonBox {{ dialogbuttonbox-buttons-have-icons: 0; }}
"""


def _picture(name: str, c: Colors) -> str:
    """A theme's arrow or tick: style sheets take images from files only."""
    return (assets.ROOT / "icons" / f"{name}-{c.name}.svg").as_posix()


@lru_cache(maxsize=64)
def icon(name: str, color: str) -> QIcon:
    """assets/icons/<name>.svg in one colour, sharp at every scale."""
    source = (assets.ROOT / "icons" / f"{name}.svg").read_text(encoding="utf-8").replace("currentColor", color)
    renderer = QSvgRenderer(QByteArray(source.encode()))
    result = QIcon()
    for side in (16, 24, 32, 48, 64, 128):
        pixmap = QPixmap(side, side)
        pixmap.fill(Qt.GlobalColor.transparent)
        painter = QPainter(pixmap)
        renderer.render(painter, QRectF(0, 0, side, side))
        painter.end()
        result.addPixmap(pixmap)
    return result


def tabular(font: QFont) -> QFont:
    """The same font with digits of equal width, so that running numbers do not shiver."""
    result = QFont(font)
    result.setFeature(QFont.Tag("tnum"), 1)
    return result
