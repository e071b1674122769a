"""A folder of one's own photos, and a table that says all of it; every malformed row says where it is wrong."""

from __future__ import annotations

from pathlib import Path

import pytest

from ssn.errors import DataError
from tests.data import miniature
from tests.data.miniature import read

pytestmark = pytest.mark.usefixtures("nothing_is_drawn")


def write_table(root: Path, *rows: str, head: str = "path,identity,spectrum,split") -> Path:
    table = root / "table.csv"
    table.write_text("\n".join([head, *rows]) + "\n")
    return table


ROWS = (
    "Person 0/a.jpg,Ada,vis,gallery",
    "Person 0/NIR/b.jpg,Ada,nir,probe",
    "Person 1/a.jpg,Ben,vis,train",
    "Person 1/NIR/b.jpg,Ben,nir,train",
)


def test_a_folders_spectra_come_from_a_subfolder_a_pattern_or_a_table(tmp_path):
    root = miniature.folder(tmp_path)
    by_folder = read("folder", root)
    for person in root.iterdir():
        (person / "NIR" / "b.jpg").rename(person / "b_nir.jpg")
        (person / "NIR").rmdir()
    by_name = read("folder", root, nir_pattern="*_nir.*")
    assert [s.identity for s in by_name.probes] == [s.identity for s in by_folder.probes]
    assert {s.spectrum for s in by_name.probes} == {"nir"}
    simulated = read("folder", root)
    assert {s.spectrum for s in simulated.probes} == {"vis"}
    assert any("simulated" in note for note in simulated.notes)


def test_a_share_of_a_folders_people_is_learned_from(tmp_path):
    found = read("folder", miniature.folder(tmp_path), train_share=0.5)
    assert {s.identity for s in found.train} == {"Person 0", "Person 1"}
    assert {s.identity for s in found.gallery} == {"Person 2", "Person 3"}
    with pytest.raises(DataError, match="share"):
        read("folder", tmp_path, train_share=1.0)


def test_who_has_nothing_to_be_compared_with_is_counted(tmp_path):
    root = miniature.folder(tmp_path)
    (root / "Person 2" / "NIR" / "b.jpg").unlink()
    assert any("1 people" in note for note in read("folder", root).notes)
    (tmp_path / "none").mkdir()
    with pytest.raises(DataError, match="no photos"):
        read("folder", tmp_path / "none")


def test_a_table_says_all_of_it(tmp_path):
    root = miniature.folder(tmp_path)
    found = read("folder", root, table=write_table(root, *ROWS))
    assert [s.identity for s in found.gallery] == ["Ada"]
    assert [s.spectrum for s in found.probes] == ["nir"]
    assert [(s.identity, s.spectrum) for s in found.train] == [("Ben", "vis"), ("Ben", "nir")]
    with pytest.raises(DataError, match="without the other options"):
        read("folder", root, table=root / "table.csv", train_share=0.5)


@pytest.mark.parametrize(
    ("row", "words"),
    [
        ("Person 2/a.jpg,Cy,uv,train", "another spectrum or split"),
        ("Person 2/a.jpg,Cy,vis,test", "another spectrum or split"),
        ("Person 2/a.jpg,,vis,train", "nobody"),
        ("Person 2/a,Cy,vis,train", "names no picture"),
        ("../a.jpg,Cy,vis,train", "names no picture"),
        ("Person 2/a.jpg", "nobody"),
        ("Person 0/a.jpg,Ada,vis,gallery", "stands in line 2 too"),
        ("Person 2/a.jpg,Ada,vis,train", "line 2.*is learned from too"),
        ("Person 2/a.jpg,Cy,vis,probe", "without a gallery picture"),
        ("Person 2/NIR/b.jpg,Cy,nir,gallery", "enrols an NIR picture"),
    ],
)
def test_a_wrong_row_of_a_table_is_named_with_its_number(row, words, tmp_path):
    root = miniature.folder(tmp_path)
    with pytest.raises(DataError, match=words) as caught:
        read("folder", root, table=write_table(root, *ROWS, row))
    assert "table.csv, line" in str(caught.value)


def test_a_table_without_its_columns_or_rows_is_refused(tmp_path):
    root = miniature.folder(tmp_path)
    for head, rows, words in (("file,who", ROWS, "line 1"), ("path,identity,spectrum,split", (), "empty")):
        with pytest.raises(DataError, match=words):
            read("folder", root, table=write_table(root, *rows, head=head))
    with pytest.raises(DataError, match="cannot be read"):
        read("folder", root, table=root / "none.csv")


def test_a_folder_above_or_beside_the_people_is_not_taken_for_one_person(tmp_path):
    """A whole data set below the folder that was named counted as one person, compared with nobody."""
    miniature.folder(tmp_path / "photos" / "set")
    with pytest.raises(DataError, match="only one person") as caught:
        read("folder", tmp_path / "photos")
    assert "a folder for each person" in str(caught.value)
