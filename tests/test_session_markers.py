"""Markers of a session: what a kill leaves, what bad files hold, what makes itself, and what a recording keeps."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from patience import PATIENCE_S
from synthetic import make_face, make_state, result_of
from test_session import INFO, Stage

from tracker.errors import OutputError, SettingsError
from tracker.session.auto_markers import KINDS, TRACKS, Signs, Thresholds, Watch, auto_markers, signs_in
from tracker.session.book import LiveMarkers, MarkerBook
from tracker.session.label_set import automatic, label_set, label_text, thresholds
from tracker.session.labels import Label, from_audacity
from tracker.session.layers import alone
from tracker.session.markers import JOURNAL, MARKERS, Track, fold_journal, load_markers, read_markers
from tracker.session.record import Recorder
from tracker.session.replay import open_session
from tracker.settings import Annotate
from tracker.types import Tracked


def write_markers(folder: Path, items: list[Any], **changes: Any) -> None:
    about = {"schema": "stillpoint.markers", "schema_version": {"major": 1, "minor": 0}, "tracks": [], "items": items}
    (folder / MARKERS).write_text(json.dumps({**about, **changes}), encoding="utf-8")


def test_an_edit_outlives_the_kill_of_its_process(tmp_path: Path) -> None:
    """No close, no save: the process dies right after the edits."""
    lines = (
        "import os, signal, sys; from pathlib import Path; from tracker.session.book import MarkerBook;"
        "from tracker.session.labels import Label; book = MarkerBook(Path(sys.argv[1]));"
        "one = book.put(Label(1.0, None, 'first', 'speech')); book.put(Label(2.0, 3.0, 'second', 'speech'));"
        "book.remove(one.id); os.kill(os.getpid(), signal.SIGKILL)"
    )
    done = subprocess.run([sys.executable, "-c", lines, str(tmp_path)], check=False, timeout=PATIENCE_S)
    assert done.returncode == -signal.SIGKILL and not (tmp_path / MARKERS).exists()
    (left,) = read_markers(tmp_path)
    assert (left.start, left.end, left.label, left.track) == (2.0, 3.0, "second", "speech")
    assert fold_journal(tmp_path) and not (tmp_path / JOURNAL).exists() and not fold_journal(tmp_path)
    assert read_markers(tmp_path) == [left]
    assert from_audacity((tmp_path / "markers.txt").read_bytes()).labels[0].label == "second"


def test_a_line_that_was_cut_short_takes_nothing_with_it(tmp_path: Path) -> None:
    book = MarkerBook(tmp_path)
    book.put(Label(1.0, None, "one"))
    with (tmp_path / JOURNAL).open("ab") as file:
        file.write(b'{"op": "put", "item": {"t0_')
    again = MarkerBook(tmp_path)
    again.put(Label(2.0, None, "two"))
    assert [one.label for one in read_markers(tmp_path)] == ["one", "two"]


def test_bad_entries_are_mended_or_kept_and_said(tmp_path: Path) -> None:
    strange = {"id": "x", "label": "no time", "novelty": [1, 2]}
    write_markers(tmp_path, [
        {"id": "r", "t0_ns": 5_000_000_000, "t1_ns": 4_000_000_000, "label": "reversed", "track": "a"},
        {"id": "o1", "t0_ns": 0, "t1_ns": 2_000_000_000, "label": "first", "track": "a"},
        {"id": "o1", "t0_ns": 1_000_000_000, "t1_ns": 3_000_000_000, "label": "overlaps", "track": "a"}, strange, 7,
    ])  # fmt: skip
    loaded = load_markers(tmp_path)
    assert [(one.label, one.start, one.end) for one in loaded.labels] == [
        ("first", 0.0, 2.0), ("overlaps", 1.0, 3.0), ("reversed", 4.0, 5.0)]  # fmt: skip
    assert len({one.id for one in loaded.labels}) == 3
    assert load_markers(tmp_path) == loaded  # ids do not change from one reading to the next
    assert any("turned round" in note for note in loaded.notes) and any("2 markers" in note for note in loaded.notes)
    book = MarkerBook(tmp_path)
    book.remove(loaded.labels[0].id)
    book.save()
    assert json.loads((tmp_path / MARKERS).read_text())["items"][-2:] == [strange, 7]


def test_a_file_that_is_no_utf8_is_read_and_said(tmp_path: Path) -> None:
    write_markers(tmp_path, [{"id": "a", "t0_ns": 1, "label": "cafe", "track": "t"}])
    data = (tmp_path / MARKERS).read_bytes().replace(b"cafe", "café".encode("latin-1"))
    (tmp_path / MARKERS).write_bytes(data)
    loaded = load_markers(tmp_path)
    assert loaded.labels[0].label == "café" and "no UTF-8" in loaded.notes[0]


@pytest.mark.parametrize(("text", "said"), [
    ('{"half', "damaged"),
    ('{"schema": "stillpoint.markers", "schema_version": {"major": 9}, "items": []}', "Update Stillpoint"),
    ("[1, 2]", "damaged"),
])  # fmt: skip
def test_a_file_that_cannot_be_read_is_said_and_its_copy_outlives_what_is_saved(
    tmp_path: Path, text: str, said: str
) -> None:
    (tmp_path / MARKERS).write_text(text)
    book = MarkerBook(tmp_path)
    assert said in book.notes[0] and "left out" in book.notes[0] and not book.labels
    assert [path.name for path in tmp_path.iterdir()] == [MARKERS]  # looking changes nothing
    book.put(Label(1.0, None, "new"))
    book.save()
    assert (tmp_path / "markers.json.broken").read_text() == text
    assert [one.label for one in read_markers(tmp_path)] == ["new"]


@pytest.mark.parametrize(("data", "labels"), [
    ("café".encode("latin-1"), ["café", "new"]),
    (b'", "t1_ns": -5, "x": "', ["", "new"]),
])  # fmt: skip
def test_what_was_mended_stays_as_it_was_in_a_copy(tmp_path: Path, data: bytes, labels: list[str]) -> None:
    write_markers(tmp_path, [{"id": "a", "t0_ns": 1, "label": "cafe", "track": "t"}])
    strange = (tmp_path / MARKERS).read_bytes().replace(b"cafe", data)
    (tmp_path / MARKERS).write_bytes(strange)
    book = MarkerBook(tmp_path)
    book.put(Label(1.0, None, "new"))
    book.save()
    assert (tmp_path / "markers.json.broken").read_bytes() == strange
    assert [one.label for one in read_markers(tmp_path)] == labels and not load_markers(tmp_path).mended
    book.put(Label(2.0, None, "more"))
    book.save()
    assert sorted(path.name for path in tmp_path.iterdir() if "broken" in path.name) == ["markers.json.broken"]


def test_two_books_on_one_session_keep_each_others_markers(tmp_path: Path) -> None:
    """As two windows, or a window and a recorder, in whatever order they write, save and close."""
    first = MarkerBook(tmp_path)
    early = first.put(Label(1.0, None, "early", author="a"))
    second = MarkerBook(tmp_path)
    assert [one.label for one in second.labels] == ["early"]
    mine, his = second.put(Label(2.0, 3.0, "second's")), first.put(Label(4.0, None, "first's"))
    assert second.save() and [one.label for one in second.labels] == ["early", "second's", "first's"]
    first.remove(early.id)
    changed = first.put(replace(his, label="first's, later"))
    assert first.save() and not first.save()
    assert second.refresh() and not second.refresh()
    assert [one.label for one in second.labels] == ["second's", "first's, later"] == [one.label for one in first.labels]
    assert [one.id for one in read_markers(tmp_path)] == [mine.id, changed.id]
    (tmp_path / MARKERS).unlink()  # somebody tidied up: what a window shows is not lost
    first.put(Label(9.0, None, "last"))
    assert first.save() is False and len(read_markers(tmp_path)) == 3


def test_a_recording_and_a_window_on_it_keep_each_others_markers(tmp_path: Path) -> None:
    live = LiveMarkers(tmp_path)
    live.mark(Label(5.0, None, "live"))
    state = result_of(4.0, make_face(make_state()))
    live.see(Tracked(state, state))
    window = MarkerBook(tmp_path)
    window.put(replace(window.labels[0], label="named in the window"))
    window.put(Label(0.5, None, "window's"))
    window.save()
    live.mark(Label(6.0, None, "later"))
    live.close()
    assert [(one.start, one.label) for one in read_markers(tmp_path)] == [
        (0.5, "window's"), (1.0, "named in the window"), (2.0, "later")]  # fmt: skip


def test_who_holds_the_folder_for_long_stops_nobody(tmp_path: Path) -> None:
    with alone(tmp_path):  # a program that was stopped in the middle of a save
        MarkerBook(tmp_path).put(Label(1.0, None, "kept"))
    assert [one.label for one in read_markers(tmp_path)] == ["kept"]


def test_edits_that_could_not_be_journalled_are_there_when_they_can(tmp_path: Path) -> None:
    book = MarkerBook(tmp_path)
    gone = book.put(Label(1.0, None, "gone"))
    book.save()
    (tmp_path / JOURNAL).mkdir()  # nothing can be appended to it
    book.remove(gone.id)
    book.put(Label(2.0, None, "kept"))
    assert book.problem is not None
    (tmp_path / JOURNAL).rmdir()
    other = MarkerBook(tmp_path)
    other.put(Label(3.0, None, "other's"))
    other.save()
    assert book.refresh() and [one.label for one in book.labels] == ["kept", "other's"]
    book.save()
    assert [one.label for one in read_markers(tmp_path)] == ["kept", "other's"] and book.problem is None


def test_what_cannot_be_written_is_said_and_stays_in_memory(tmp_path: Path) -> None:
    folder = tmp_path / "gone"
    folder.mkdir()
    book = MarkerBook(folder)
    folder.rmdir()
    book.put(Label(1.0, None, "kept"))
    assert book.problem is not None and "export them" in book.problem
    assert [one.label for one in book.labels] == ["kept"]
    with pytest.raises(OutputError, match="cannot be saved"):
        book.save()
    folder.mkdir()
    book.save()
    assert [one.label for one in read_markers(folder)] == ["kept"]


def test_the_label_set_is_a_line_of_the_settings() -> None:
    tracks = label_set("mark=1 #f0a52a; look away=2;speech ; ")
    assert tracks[0] == Track("mark", "#f0a52a", "1") and tracks[1].name == "look away" and tracks[2].key == ""
    assert label_set(label_text(tracks)) == tracks
    mine = label_set(Annotate().labels)
    assert len(mine) == 4 and not {one.color for one in mine} & {one.color for one in TRACKS.values()}
    for bad, says in (("a=1; b=1", "'1' is there twice"), ("a; a", "'a' is there twice"), ("=1", "no label")):
        with pytest.raises(SettingsError, match=says):
            label_set(bad)
    assert automatic(Annotate(blink=False, turn=False)) == ("face", "mouth", "reset")
    with pytest.raises(SettingsError, match="blink_at is 0"):
        thresholds(Annotate(blink_at=0.0))


def watch(signs: list[Signs], kinds: Any = KINDS) -> list[tuple[str, float, float | None]]:
    """(words, start, end) as they end up."""
    state, found = Watch(kinds), dict[str, Label]()
    for one in signs:
        state, labels = state.step(one)
        found.update({label.id: label for label in labels})
    found.update({label.id: label for label in state.finish(signs[-1].time)})
    return [(one.label, one.start, one.end) for one in found.values()]


def signs(values: list[float], name: str, **others: float) -> list[Signs]:
    base = {"blink": 0.0, "jaw": 0.0, "yaw": 0.0, **others}
    return [Signs(i / 10, i, **{**base, name: value}) for i, value in enumerate(values)]


def test_a_value_at_its_threshold_does_not_flicker() -> None:
    flicker = [0.0, 0.49, 0.51, 0.49, 0.51, 0.4, 0.51, 0.1, 0.0]
    assert watch(signs(flicker, "blink")) == [("blink", 0.2, 0.7)]
    assert watch(signs([0.0, *[0.6] * 9, 0.0], "blink")) == [("eyes closed", 0.1, 1.0)]


def test_turns_say_which_way_and_short_ones_are_none() -> None:
    yaw = [0.0, 25.0, 25.0, 25.0, 10.0, -25.0, 0.0, -30.0, -30.0, -30.0, -16.0, -16.0, 0.0]
    assert watch(signs(yaw, "yaw")) == [("head turn left", 0.1, 0.4), ("head turn right", 0.7, 1.2)]


def test_a_lost_face_ends_what_lasts_and_is_a_span_until_it_is_found() -> None:
    frames = signs([0.0, 0.6, 0.6, 0.6, 0.6, 0.6], "jaw")
    lost = [Signs(0.6 + i / 10, 6 + i) for i in range(3)]
    back = [replace(one, time=0.9 + one.time, index=9 + one.index) for one in signs([0.0, 0.0], "jaw")]
    assert watch([*frames, *lost, *back]) == [("mouth open", 0.1, 0.6), ("face lost", 0.6, 0.9)]
    assert watch([*frames, *lost]) == [("mouth open", 0.1, 0.6), ("face lost", 0.6, 0.8)]  # it never came back


def test_a_filter_that_starts_anew_is_marked_and_one_that_does_nothing_is_not() -> None:
    def fresh(flags: list[bool | None]) -> list[tuple[str, float, float | None]]:
        faces = [
            Signs(i / 10, i) if one is None else Signs(i / 10, i, 0.0, 0.0, 0.0, one) for i, one in enumerate(flags)
        ]
        return watch(faces, ("reset",))

    assert fresh([True, False, False, None, None, True, False]) == [("stabilizer reset", 0.5, None)]
    assert fresh([True, True, None, True, True]) == []


def test_signs_are_those_of_the_first_face() -> None:
    shapes = np.zeros(52, np.float32)
    shapes[[0, 7, 17]] = 0.9, 0.7, 0.4
    face = make_face(make_state(angles=(30.0, 0.0, 0.0), expression=shapes))
    result = result_of(12.5, face, index=3)
    now = signs_in(Tracked(result, result), 10.0)
    assert (now.time, now.index, now.fresh) == (2.5, 3, True)
    assert (now.blink, now.jaw) == (pytest.approx(0.7), pytest.approx(0.4)) and 20 < now.yaw < 40
    none = result_of(1.0, index=4)
    assert np.isnan(signs_in(Tracked(none, none), 0.0).yaw)


def test_a_recording_keeps_marks_on_its_own_clock(tmp_path: Path) -> None:
    """Marks of people come in capture time, also before the first frame; those that make themselves are the same as
    those that are made of the finished session."""
    recorder, stage = Recorder(tmp_path / "one", annotated=False), Stage()
    marks = recorder.markers = LiveMarkers(recorder.out, KINDS, label_set("speech=1 #123456"), Thresholds(turn=5.0))
    early = marks.mark(Label(100.0, None, "early", "speech", frames=(0, 1)))
    recorder.open(INFO)
    for i in range(90):
        recorder.write(stage(i, 100.0 + i / 30))
    assert marks.zero == 100.0
    late = marks.mark(Label(101.0, None, "span", "speech"))
    marks.mark(replace(late, end=102.0))
    assert {one.id for one in read_markers(recorder.out)} >= {early.id, late.id}  # on the disk before the end
    recorder.close()
    found = read_markers(recorder.out)
    assert not (recorder.out / JOURNAL).exists() and (recorder.out / "markers.txt").is_file()
    mine = [(one.label, one.start, one.end, one.source) for one in found if one.track == "speech"]
    assert mine == [("early", 0.0, None, "live"), ("span", 1.0, pytest.approx(2.0), "live")]
    made = [(one.label, round(one.start, 6), one.frames) for one in found if one.source == "automatic"]
    again = auto_markers(open_session(recorder.out), KINDS, Thresholds(turn=5.0))
    assert made == [(one.label, round(one.start, 6), one.frames) for one in again]
    assert {"face lost", "stabilizer reset", "head turn left"} <= {words for words, _, _ in made}
    lost = next(one for one in found if one.label == "face lost")
    assert lost.frames == (40, 50) and lost.end == pytest.approx(50 / 30)
    about = json.loads((recorder.out / MARKERS).read_text())
    assert {"id": "speech", "name": "speech", "colour": "#123456", "key": "1"} in about["tracks"]
