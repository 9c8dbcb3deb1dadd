"""Packed files and archives: every line counted, also where one is cut off or damaged."""

import errno
import gzip
import io
import zipfile

import pyarrow as pa
import pytest
from export_samples import amplitude, archive, land_export, mapping, segment
from landing_builders import LANDED, a_lake, deliver, events, land, rejected, text
from landing_builders import segment as segment_company

from usage_pipeline.company import Company, Events
from usage_pipeline.errors import Unavailable
from usage_pipeline.events import lines
from usage_pipeline.events.reasons import Reason
from usage_pipeline.sources import landing


def zstd(content):
    return pa.Codec("zstd").compress(content, asbytes=True)


MANY = text(
    *(
        segment(number % 60, messageId=f"m{number * 7919}", userId=f"u{number * 104729 % 9973}")
        for number in range(4000)
    )
)
PACKED = {"gz": gzip.compress, "zst": zstd, "zip": lambda content: archive({"events.jsonl": content})}


def write(folder, name, content):
    folder.mkdir(parents=True, exist_ok=True)
    (folder / name).write_bytes(content)


@pytest.mark.parametrize(
    "name", ["events.jsonl.gz", "events.jsonl.zst", "events.zip", "events-0001.gz", "events-0001.zst"]
)
def test_a_packed_file_is_what_it_holds(tmp_path, name):
    content = text(segment(1), "", segment(2))
    write(tmp_path / "in" / "deep" / "deeper", name, PACKED[name.rpartition(".")[2]](content))
    lake = a_lake(tmp_path)
    account = land_export(tmp_path / "in", lake, mapping("segment"))
    assert (account.received, account.accepted) == (2, 2)
    assert [event["line"] for event in events(lake)] == [1, 3]


@pytest.mark.parametrize("packing", ["", "gz", "zst", "zip"])
def test_a_byte_order_mark_is_no_part_of_the_first_line_however_it_is_packed(tmp_path, packing):
    content = b"\xef\xbb\xbf" + text(segment(1), segment(2))
    write(tmp_path / "in", f"events.jsonl{packing and '.'}{packing}", PACKED.get(packing, bytes)(content))
    lake = a_lake(tmp_path)
    account = land_export(tmp_path / "in", lake, mapping("segment"))
    assert (account.accepted, account.rejected) == (2, 0)


@pytest.mark.parametrize("packing", ["gz", "zst"])
@pytest.mark.parametrize("members", [1, 3])
def test_streams_one_after_the_other_are_one_file(tmp_path, packing, members):
    write(tmp_path, f"events.jsonl.{packing}", b"".join(PACKED[packing](text(segment(n))) for n in range(members)))
    (block,) = lines.blocks(tmp_path / f"events.jsonl.{packing}")
    assert (block.sound.num_rows, block.bad) == (members, [])


@pytest.mark.parametrize("packing", ["gz", "zst", "zip"])
@pytest.mark.parametrize("part", [0.5, 0.999])
def test_what_came_before_a_cut_is_kept_and_the_cut_is_one_refused_row(tmp_path, packing, part):
    whole = PACKED[packing](MANY)
    write(tmp_path / "in", f"events.{packing}", whole[: int(len(whole) * part)])
    lake = a_lake(tmp_path)
    account = land_export(tmp_path / "in", lake, mapping("segment"))
    (row,) = rejected(lake)
    assert row["reason"] == "cut_off"
    # The list of an archive's files is at its end: without it nothing in it can be found.
    assert account.accepted == 0 if packing == "zip" else account.accepted > 3000 * part
    assert row["line"] == account.received == account.accepted + 1


@pytest.mark.parametrize("packing", ["gz", "zst", "zip"])
def test_what_came_before_damage_is_kept(tmp_path, packing):
    damaged = bytearray(PACKED[packing](MANY))
    damaged[len(damaged) * 3 // 4] ^= 255
    write(tmp_path / "in", f"events.{packing}", bytes(damaged))
    lake = a_lake(tmp_path)
    account = land_export(tmp_path / "in", lake, mapping("segment"))
    assert "cut_off" in {row["reason"] for row in rejected(lake)}
    assert account.accepted > 1000
    assert account.received == account.accepted + account.duplicates + account.rejected


def test_a_damaged_file_within_an_archive_does_not_hide_the_next(tmp_path):
    packed = gzip.compress(text(amplitude(1), amplitude(2)))
    files = {"one.json": packed[:-12], "two.json": text(amplitude(3))}
    write(tmp_path / "in", "events.zip", archive(files))
    lake = a_lake(tmp_path)
    account = land_export(tmp_path / "in", lake, mapping("amplitude"))
    (row,) = rejected(lake)
    assert row["detail"].endswith("of one.json)")
    assert events(lake)[-1]["line"] == account.received
    assert {event["event_id"] for event in events(lake)} >= {"dev-1/in-3"}


@pytest.mark.parametrize("files", [{}, {"read me.txt": b"nothing here\n"}])
def test_an_archive_without_events_is_a_refused_row(tmp_path, files):
    write(tmp_path / "in", "events.zip", archive(files))
    lake = a_lake(tmp_path)
    assert land_export(tmp_path / "in", lake, mapping("amplitude")).rejected == 1
    assert rejected(lake)[0]["reason"] == "empty_archive"


def test_an_encrypted_archive_is_a_refused_row(tmp_path):
    whole = bytearray(archive({"one.json": text(amplitude(1))}))
    # The flag of encryption, in the file's own head and in the list at the end.
    whole[6] |= 1
    whole[whole.rfind(b"PK\x01\x02") + 8] |= 1
    write(tmp_path / "in", "events.zip", bytes(whole))
    lake = a_lake(tmp_path)
    assert land_export(tmp_path / "in", lake, mapping("amplitude")).rejected == 1
    assert "encrypted" in rejected(lake)[0]["detail"]


@pytest.mark.parametrize("name", ["usage.csv", "usage.csv.gz", "usage.csv.zst", "usage.jsonl.gz", "usage.jsonl.zst"])
def test_a_select_reads_packed_tables(tmp_path, name):
    csv = b"account,day\na1,2026-05-01\na2,2026-05-02\n"
    jsonl = b'{"account": "a1", "day": "2026-05-01"}\n{"account": "a2", "day": "2026-05-02"}\n'
    content = csv if ".csv" in name else jsonl
    write(tmp_path / "in", name, PACKED[name.rpartition(".")[2]](content) if name.count(".") > 1 else content)
    sql = "SELECT account AS account_id, day AS ts, 'used' AS name FROM usage"
    assert (
        land(
            tmp_path / "in", a_lake(tmp_path), Company(company="acme", events=(Events(format="select", select=sql),))
        ).accepted
        == 2
    )


def test_a_select_sees_no_table_in_an_archive(tmp_path):
    write(tmp_path, "usage.zip", archive({"usage.csv": b"a\n1\n"}))
    ((file,),) = (delivery.files for delivery in landing.deliveries(tmp_path, now=LANDED))
    assert (file.table, file.suffix) == ("", ".zip")


def test_a_file_landed_whole_after_its_torso_counts_each_event_once(tmp_path):
    whole = gzip.compress(MANY)
    deliver(tmp_path / "in", whole[: len(whole) // 2], file="events.gz.jsonl")
    lake = a_lake(tmp_path)
    first = land(tmp_path / "in", lake, segment_company())
    deliver(tmp_path / "in", whole, name="again", file="events.gz.jsonl")
    second = land(tmp_path / "in", lake, segment_company())
    assert second.duplicates == first.accepted
    assert first.accepted + second.accepted == 4000


@pytest.mark.parametrize("ends", [b"\n", b""])
def test_a_line_without_an_end_is_refused_before_it_fills_the_memory(tmp_path, monkeypatch, ends):
    monkeypatch.setattr(lines, "BLOCK_BYTES", 2_000)
    monkeypatch.setattr(lines, "LINE_BYTES", 5_000)
    zeros = gzip.compress(text(segment(1)) + b"0" * 9_000_000 + ends + (text(segment(2)) if ends else b""))
    write(tmp_path / "in", "events.jsonl.gz", zeros)
    lake = a_lake(tmp_path)
    account = land_export(tmp_path / "in", lake, mapping("segment"))
    (row,) = rejected(lake)
    assert (row["reason"], row["line"]) == ("line_too_long", 2)
    assert len(row["raw"]) < 2_000
    assert account.accepted == (2 if ends else 1)
    assert [event["line"] for event in events(lake)] == ([1, 3] if ends else [1])


@pytest.mark.parametrize("packing", [zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA])
def test_damage_within_an_archive_is_a_refused_row_however_it_is_packed(tmp_path, packing):
    with zipfile.ZipFile(tmp_path / "events.zip", "w", packing) as packed:
        packed.writestr("events.jsonl", MANY)
    content = bytearray((tmp_path / "events.zip").read_bytes())
    middle = len(content) // 2
    content[middle : middle + 64] = bytes(64)
    (tmp_path / "events.zip").write_bytes(content)
    bad = [line for block in lines.blocks(tmp_path / "events.zip") for line in block.bad]
    assert Reason.CUT_OFF in {line.reason for line in bad}


@pytest.mark.parametrize("packing", ["zst", "zip"])
def test_a_disk_that_fails_is_not_taken_for_a_damaged_file(tmp_path, monkeypatch, packing):
    (tmp_path / f"events.{packing}").write_bytes(PACKED[packing](MANY))

    class Failing(io.FileIO):
        def read(self, size=-1):
            if self.tell() >= 512:
                raise OSError(errno.EIO, "Input/output error")
            return super().read(min(size, 512) if size >= 0 else 512)

    monkeypatch.setattr(type(tmp_path), "open", lambda path, _mode: Failing(path))
    with pytest.raises(Unavailable, match="Input/output error"):
        list(lines.blocks(tmp_path / f"events.{packing}"))
