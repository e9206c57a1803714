"""Markers in other programs' formats: there and back, by their own readers, and through bad input."""

from __future__ import annotations

import csv
import io
import itertools
import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pympi.Elan import Eaf

from tracker.errors import SourceError
from tracker.session.labels import (
    FORMATS,
    Label,
    from_audacity,
    from_csv,
    from_eaf,
    from_events,
    ordered,
    to_audacity,
    to_csv,
    to_eaf,
    to_events,
)
from tracker.session.markers import read_markers

SOME = [
    Label(2.5, None, "blink", "events"),
    Label(0.25, 1.75, "smile, “wide”", "speech"),
    Label(1.0, 2.0, "überlappt", "speech"),
    Label(1.5, 1.9, "third\tand\nlong", "speech"),
]

WORDS = st.text(st.characters(codec="utf-8", exclude_categories=("C", "Z")), min_size=1, max_size=12)
TIMES = st.integers(0, 10**9).map(lambda n: n / 1e6)
LABELS = st.lists(
    st.builds(
        lambda start, length, label, track: Label(start, start + length if length else None, label, track),
        TIMES, st.one_of(st.none(), st.integers(2000, 10**7).map(lambda n: n / 1e6)), WORDS, WORDS,
    ), max_size=12,
)  # fmt: skip


def test_audacity_byte_by_byte() -> None:
    text = to_audacity(SOME).decode("utf-8")
    assert text.splitlines() == [
        "0.250000\t1.750000\tsmile, “wide”", "1.000000\t2.000000\tüberlappt", "1.500000\t1.900000\tthird and long",
        "2.500000\t2.500000\tblink",
    ]  # fmt: skip


@given(LABELS)
def test_audacity_there_and_back(labels: list[Label]) -> None:
    read = from_audacity(to_audacity(labels))
    assert read.notes == ()
    expected = sorted((round(one.start, 6), round(one.end or one.start, 6), one.label) for one in labels)
    for found, wanted in zip(sorted((o.start, o.end or o.start, o.label) for o in read.labels), expected, strict=True):
        assert found[:2] == pytest.approx(wanted[:2], abs=1e-6) and found[2] == wanted[2]


def test_audacity_skips_frequencies_and_mends_what_it_can() -> None:
    data = b"1.0\t2.0\ta\n\\\t100\t200\n5.0\t4.0\treversed\nnonsense\n1.5\t1.8\toverlapping\n3.0\n"
    read = from_audacity(data)
    assert [(one.start, one.end, one.label) for one in read.labels] == [
        (1.0, 2.0, "a"), (1.5, 1.8, "overlapping"), (3.0, None, ""), (4.0, 5.0, "reversed")]  # fmt: skip
    assert len(read.notes) == 2 and "turned round" in read.notes[0] and "Line 4 has no time" in read.notes[1]


def test_text_that_is_no_utf8_is_read_and_noted() -> None:
    read = from_audacity("1.0\t2.0\tcafé\n".encode("latin-1"))
    assert read.labels[0].label == "café" and "no UTF-8" in read.notes[0]


@given(LABELS)
def test_csv_there_and_back(labels: list[Label]) -> None:
    read = from_csv(to_csv(labels))
    assert read.notes == () and len(read.labels) == len(labels)
    for found, wanted in zip(read.labels, ordered(labels), strict=True):
        assert (found.label, found.track, found.end is None) == (wanted.label, wanted.track, wanted.end is None)
        assert found.start == pytest.approx(wanted.start, abs=1e-9)


def test_csv_is_what_the_csv_module_reads() -> None:
    (row,) = csv.DictReader(io.StringIO(to_csv([Label(0.5, None, 'a "b"\nc', "t", "n", (15, 16), "x")]).decode()))
    assert row == {"id": "x", "track": "t", "t0_s": "0.500000000", "t1_s": "", "frame0": "15", "frame1": "16",
                   "label": 'a "b"\nc', "note": "n"}  # fmt: skip
    again = from_csv(to_csv([Label(0.5, None, 'a "b"\nc', "t", "n", (15, 16), "x")])).labels
    assert again == (Label(0.5, None, 'a "b"\nc', "t", "n", (15, 16), "x"),)
    with pytest.raises(SourceError, match="t0_s"):
        from_csv(b"a,b\n1,2\n")


@given(LABELS)
def test_events_there_and_back(labels: list[Label]) -> None:
    read = from_events(to_events(labels))
    onsets = [one.start for one in read.labels]
    assert onsets == sorted(onsets) and len(read.labels) == len(labels) and read.notes == ()


def test_events_are_a_table_of_bids() -> None:
    lines = [line.split("\t") for line in to_events(SOME).decode("utf-8").splitlines()]
    assert lines[0] == ["onset", "duration", "trial_type", "track"]
    assert lines[1] == ["0.250000", "1.500000", "smile, “wide”", "speech"]
    assert lines[-1] == ["2.500000", "0.000000", "blink", "events"]
    read = from_events(b"onset\tduration\ttrial_type\n1.0\tn/a\tn/a\nn/a\t1\tx\n")
    assert read.labels == (Label(1.0, None, "", "events"),) and "Row 3" in read.notes[0]
    with pytest.raises(SourceError, match="onset"):
        from_events(b"time\tlabel\n")


def test_elan_reads_what_we_write(tmp_path: Path) -> None:
    """pympi, which follows ELAN's own schema; what overlaps is on tiers of its own."""
    path = tmp_path / "m.eaf"
    path.write_bytes(to_eaf(SOME, "video.mkv"))
    eaf = Eaf(str(path))
    tiers = {name: sorted(eaf.get_annotation_data_for_tier(name)) for name in eaf.get_tier_names()}
    assert tiers == {
        "speech": [(250, 1750, "smile, “wide”")],
        "speech (2)": [(1000, 2000, "überlappt")],
        "speech (3)": [(1500, 1900, "third\tand\nlong")],
        "events": [(2500, 2501, "blink")],
    }
    assert eaf.get_linked_files()[0]["RELATIVE_MEDIA_URL"] == "./video.mkv"


@given(LABELS)
def test_elan_there_and_back(labels: list[Label]) -> None:
    read = from_eaf(to_eaf(labels))
    assert read.notes == ()
    found = sorted((round(one.start, 3), one.end is None, one.label) for one in read.labels)
    wanted = sorted((round(round(one.start * 1000) / 1000, 3), one.end is None, one.label) for one in labels)
    assert found == wanted
    by_tier: dict[str, list[Label]] = {}
    for one in read.labels:
        by_tier.setdefault(one.track, []).append(one)
    for members in by_tier.values():
        for before, after in itertools.pairwise(members):
            assert (before.end or before.start + 0.001) <= after.start + 1e-9


def test_characters_that_xml_forbids_do_not_break_it() -> None:
    assert from_eaf(to_eaf([Label(0.0, 1.0, "a\0\x0bb<&>", "t\x01")])).labels == (Label(0.0, 1.0, "ab<&>", "t"),)


def test_elan_annotations_without_times_are_noted() -> None:
    data = to_eaf([Label(0.0, 1.0, "a")]).replace(b' TIME_VALUE="0"', b"")
    read = from_eaf(data)
    assert read.labels == () and "no time of its own" in read.notes[0]
    for bad, says in ((b"<a>", "broken"), (b"<a/>", "holds <a>")):
        with pytest.raises(SourceError, match=says):
            from_eaf(bad)


def test_every_ending_goes_there_and_back() -> None:
    for write, read in FORMATS.values():
        assert [one.label for one in read(write(SOME[:2])).labels] == ["smile, “wide”", "blink"]


def test_markers_of_a_session(tmp_path: Path) -> None:
    assert read_markers(tmp_path) == []
    about = {
        "schema": "stillpoint.markers", "schema_version": {"major": 1, "minor": 0},
        "tracks": [{"id": "t1", "name": "speech", "colour": "#f00", "key": "1"}],
        "items": [
            {"id": "b", "track": "t1", "t0_ns": 2_000_000_000, "t1_ns": 2_500_000_000, "frame0": 60, "frame1": 75,
             "label": "two", "note": "x", "author": "a", "created_utc": "", "source": "live"},
            {"id": "a", "track": "auto", "t0_ns": 500_000_000, "t1_ns": None, "label": "one"},
        ],
    }  # fmt: skip
    path = tmp_path / "markers.json"
    path.write_text(json.dumps(about), encoding="utf-8")
    assert read_markers(tmp_path) == [
        Label(0.5, None, "one", "auto", id="a"),
        Label(2.0, 2.5, "two", "speech", "x", (60, 75), "b", "live", "a"),
    ]
    path.write_text(json.dumps({**about, "schema_version": {"major": 2}}))
    with pytest.raises(SourceError, match="Update Stillpoint"):
        read_markers(tmp_path)
    for bad in ("{", "[]", '{"schema": "stillpoint.markers"}'):
        path.write_text(bad)
        with pytest.raises(SourceError, match="damaged"):
            read_markers(tmp_path)
