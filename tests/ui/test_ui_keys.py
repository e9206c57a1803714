"""The keys' table is whole: no key twice, every key on the sheet, every action bound."""

from __future__ import annotations

from html import escape

from PyQt6.QtGui import QKeySequence

from ui.keys import KEYS, hint, sheet


def test_no_key_means_two_things() -> None:
    every = [QKeySequence(name).toString() for key in KEYS for name in key.keys]
    assert all(every)
    assert len(every) == len(set(every))


def test_the_sheet_lists_every_key_and_what_it_does() -> None:
    words = sheet()
    for key in KEYS:
        assert escape(key.text) in words
        assert all(f"<code>{name}</code>" in words for name in key.keys)


def test_a_tooltip_says_whether_a_key_is_held() -> None:
    assert hint("record") == "Record, or stop recording (R)"
    assert hint("raw", "Raw").endswith("(hold T)")
