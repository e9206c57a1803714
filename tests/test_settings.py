"""Settings come back from their file as they were."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tracker.errors import SettingsError
from tracker.settings import Settings, load_settings, save_settings, with_setting
from tracker.toml import toml_of


@given(st.text(), st.floats(0, 1e6), st.booleans())
def test_a_saved_file_is_read_as_it_was_written(text: str, number: float, truth: bool) -> None:
    import tomllib

    default = {"a": {"text": "", "number": -1.0, "b": {"truth": None}}, "same": 3}
    tree = {"a": {"text": text, "number": number, "b": {"truth": truth}}, "same": 3}
    read = tomllib.loads(toml_of(tree, default))
    assert read["a"].get("text", "") == text and read["a"]["number"] == number
    assert read["a"]["b"] == {"truth": truth} and "same" not in read


def test_only_what_differs_is_kept_and_a_bad_file_is_named(tmp_path: Path) -> None:
    path = tmp_path / "settings.toml"
    settings = with_setting(Settings(), "record.consent", 'line one\n"two"')
    settings = with_setting(settings, "filter.one_euro.beta", 5.0)
    save_settings(settings, path)
    assert "fps" not in path.read_text()
    assert load_settings(path, {}) == settings
    assert load_settings(path, {"STILLPOINT_CAPTURE__GIVE_UP_S": "0"}).capture.give_up_s == 0.0
    path.write_text("[capture\n")
    with pytest.raises(SettingsError, match="not valid TOML"):
        load_settings(path, {})
