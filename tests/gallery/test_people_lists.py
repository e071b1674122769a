"""Photos in a ZIP file or a CSV list: every entry accounted for, nothing unpacked to the disk, and no bomb."""

from __future__ import annotations

import io
import os
import zipfile

import pytest

from ssn.errors import DataError
from ssn.faces.read import MAX_BYTES
from ssn.gallery import people_lists
from ssn.gallery.people_lists import read_csv, read_zip
from tests.gallery.toys import picture


def png(seed: int) -> bytes:
    buffer = io.BytesIO()
    picture(seed).save(buffer, "PNG")
    return buffer.getvalue()


def pack(path, entries: dict[str, bytes], method: int = zipfile.ZIP_DEFLATED):
    with zipfile.ZipFile(path, "w", method) as archive:
        for name, content in entries.items():
            archive.writestr(name, content)
    return path


def test_names_come_from_the_first_folder_and_content_from_the_file(tmp_path):
    entries = {"Ada/a.png": png(1), "Ada/2020/b.png": png(2), "Ben.png": png(3), "李雷/x.PNG": png(4), "Ada/": b""}
    found = read_zip(pack(tmp_path / "p.zip", entries))
    assert {(p.name, p.deeper, p.content()) for p in found.photos} == {
        ("Ada", False, png(1)),
        ("Ada", True, png(2)),
        ("Ben", False, png(3)),
        ("李雷", False, png(4)),
    }
    assert found.skipped == ()


@pytest.mark.parametrize(
    "name", ["../evil.png", "/etc/evil.png", "Ada/../../evil.png", "C:/evil.png", "a\\..\\evil.png"]
)
def test_a_path_that_leads_out_is_skipped_and_nothing_is_written(tmp_path, name):
    found = read_zip(pack(tmp_path / "p.zip", {"Ada/a.png": png(1), name: png(2)}))
    assert [p.name for p in found.photos] == ["Ada"]
    assert [s.reason for s in found.skipped] == ["its path leads out of the file"]
    found.photos[0].content()
    assert os.listdir(tmp_path) == ["p.zip"]


def test_what_is_no_photo_is_skipped_with_its_reason(tmp_path):
    entries = {"Ada/a.png": png(1), "Ada/a.txt": b"a", "__MACOSX/Ada/a.png": png(1), "Ada/.a.png": b"", ".x/a.png": b""}
    found = read_zip(pack(tmp_path / "p.zip", entries))
    assert len(found.photos) == 1
    reasons = {s.path.relative_to(tmp_path / "p.zip").as_posix(): s.reason for s in found.skipped}
    assert reasons.keys() == entries.keys() - {"Ada/a.png"}
    assert "service folder" in reasons["__MACOSX/Ada/a.png"]
    assert "hidden" in reasons["Ada/.a.png"]


def test_a_bomb_is_refused_by_what_it_says_and_cut_where_it_lies(tmp_path):
    big = bytes(MAX_BYTES + 5000)
    path = pack(tmp_path / "p.zip", {"Ada/a.png": png(1), "Ada/bomb.png": big})
    assert ["the limit is" in s.reason for s in read_zip(path).skipped] == [True]
    data = bytearray(path.read_bytes())
    size = len(big).to_bytes(4, "little")
    place = data.rindex(size)  # in the directory at the end, which is what is believed
    data[place : place + 4] = (1000).to_bytes(4, "little")
    path.write_bytes(data)
    bomb = next(p for p in read_zip(path).photos if p.path.name == "bomb.png")
    try:
        assert len(bomb.content()) <= MAX_BYTES + 1
    except OSError as error:
        assert "damaged" in str(error)  # noqa: PT017 - either is right


def test_a_damaged_entry_is_an_error_of_its_own(tmp_path):
    path = pack(tmp_path / "p.zip", {"Ada/a.png": png(1), "Ben.png": png(2)}, zipfile.ZIP_STORED)
    data = bytearray(path.read_bytes())
    data[data.index(b"IDAT") + 40] ^= 255
    path.write_bytes(data)
    photos = {p.name: p for p in read_zip(path).photos}
    with pytest.raises(OSError, match="damaged"):
        photos["Ada"].content()
    assert photos["Ben"].content() == png(2)


def test_what_is_no_zip_or_holds_no_photos_or_too_many_is_refused(tmp_path, monkeypatch):
    (tmp_path / "no.zip").write_bytes(b"PK no")
    with pytest.raises(DataError, match="no readable ZIP"):
        read_zip(tmp_path / "no.zip")
    with pytest.raises(DataError, match="no photos"):
        read_zip(pack(tmp_path / "t.zip", {"a.txt": b""}))
    monkeypatch.setattr(people_lists, "MOST_ENTRIES", 2)
    with pytest.raises(DataError, match="limit is 2"):
        read_zip(pack(tmp_path / "m.zip", {f"{i}.png": b"" for i in range(3)}))


def test_a_list_is_read_line_by_line(tmp_path):
    lines = 'path,name\nphotos/a.png,Ada\n"b, c.png","Ben, Jr"\n\n,Cid\nd.png\ne.png,Eve,x\n'
    (tmp_path / "l.csv").write_text("\ufeff" + lines, encoding="utf-8")
    found = read_csv(tmp_path / "l.csv")
    assert [(p.path.relative_to(tmp_path).as_posix(), p.name) for p in found.photos] == [
        ("photos/a.png", "Ada"),
        ("b, c.png", "Ben, Jr"),
    ]
    assert [s.reason.split(" is ")[0] for s in found.skipped] == ["line 5", "line 6", "line 7"]


@pytest.mark.parametrize("content", [b"", b"path,name\n", b"\xff\xfe\x00", b'"a'])
def test_a_list_that_is_none_is_refused(tmp_path, content):
    (tmp_path / "l.csv").write_bytes(content)
    with pytest.raises(DataError, match=r"CSV|lists no photo"):
        read_csv(tmp_path / "l.csv")


def test_a_list_within_a_zip_says_whose_the_photos_are(tmp_path):
    """Paths are counted from its folder; what it names and is not there, and what it does not name, is told."""
    lines = "path,name\na.png,Ada\nsub/../b.png,بن\n../evil.png,Eve\nmissing.png,Cid\na.png,Ada too\nx\n"
    entries = {"set/people.csv": lines.encode(), "set/a.png": png(1), "set/b.png": png(2), "set/c.png": png(3)}
    found = read_zip(pack(tmp_path / "p.zip", entries))
    assert [(p.name, p.content()) for p in found.photos] == [("Ada", png(1)), ("بن", png(2)), ("Ada too", png(1))]
    reasons = [(s.path.relative_to(tmp_path / "p.zip").as_posix(), s.reason) for s in found.skipped]
    assert reasons == [
        ("set/people.csv", "line 7 is not of the form path,name"),
        ("evil.png", "line 4 of people.csv names it, and it is not there"),
        ("set/missing.png", "line 5 of people.csv names it, and it is not there"),
        ("set/c.png", "people.csv does not name it"),
    ]
    for content in (b"\xff\xfe", b'"a'):
        with pytest.raises(DataError, match=r"people\.csv is no readable CSV"):
            read_zip(pack(tmp_path / "q.zip", {"people.csv": content, "a.png": png(1)}))


def test_names_packed_on_a_mac_are_read_as_they_were_written(tmp_path):
    """Its archiver writes UTF-8 and does not say so."""
    data = pack(tmp_path / "p.zip", {"Zoë/a.png": png(1), "李雷/b.png": png(2)}, zipfile.ZIP_STORED).read_bytes()
    for name in ("Zoë/a.png", "李雷/b.png"):
        written = name.encode()
        for before, flag in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
            start = -1
            while (start := data.find(before, start + 1)) >= 0:
                if data[start:].split(b"PK", 2)[1].find(written) >= 0:
                    data = data[: start + flag] + b"\0\0" + data[start + flag + 2 :]
    (tmp_path / "mac.zip").write_bytes(data)
    with zipfile.ZipFile(tmp_path / "mac.zip") as archive:
        assert not any(entry.flag_bits & 0x800 for entry in archive.infolist()), "else nothing is tried"
    assert {p.name for p in read_zip(tmp_path / "mac.zip").photos} == {"Zoë", "李雷"}


def test_an_open_file_is_read_within_its_limits(tmp_path):
    content = pack(tmp_path / "p.zip", {f"P{i}.png": bytes(1000) for i in range(5)}).read_bytes()
    found = read_zip(io.BytesIO(content))
    assert str(found.photos[0].path) == "P0.png"
    assert found.photos[0].content() == bytes(1000)
    with pytest.raises(DataError, match="5 entries; the limit is 4"):
        read_zip(io.BytesIO(content), most_entries=4)
    with pytest.raises(DataError, match="unpacks to"):
        read_zip(io.BytesIO(content), most_bytes=4999)
    assert len(read_zip(io.BytesIO(content), most_bytes=5000).photos) == 5


@pytest.mark.filterwarnings("ignore:Duplicate name")
def test_of_entries_of_one_name_the_earlier_is_named_as_skipped(tmp_path):
    with zipfile.ZipFile(tmp_path / "p.zip", "w") as archive:
        for seed in (1, 2, 3):
            archive.writestr("Ada/a.png", png(seed))
        archive.writestr("Ben/b.png", png(4))
    found = read_zip(tmp_path / "p.zip")
    assert [(photo.name, photo.content()) for photo in found.photos] == [("Ada", png(3)), ("Ben", png(4))]
    assert [other.path.name for other in found.skipped] == ["a.png", "a.png"]
    assert all("a later entry" in other.reason for other in found.skipped)


@pytest.mark.parametrize("name", ["notes.txt", "Ada/a.pdf", ".cache/a.png", "../a.png"])
def test_a_zip_without_photos_says_what_is_there_instead(tmp_path, name):
    with pytest.raises(DataError, match=r"holds no photos; 1 other files, such as .*: \S"):
        read_zip(pack(tmp_path / "p.zip", {name: png(1)}))
