"""The readers on miniature trees: what each makes of its set; every malformed variant says where it is wrong."""

from __future__ import annotations

from pathlib import Path

import pytest

from ssn.data.registry import DataRequest
from ssn.errors import DataError
from tests.data import miniature
from tests.data.miniature import read

MAKE = {
    "casia": miniature.casia,
    "lamp-hq": miniature.lamp_hq,
    "buaa": miniature.buaa,
    "oulu": miniature.oulu,
    "folder": miniature.folder,
}

pytestmark = pytest.mark.usefixtures("nothing_is_drawn")


def replace_line(path: Path, number: int, text: str) -> None:
    lines = path.read_text().splitlines()
    lines[number - 1] = text
    path.write_text("\n".join(lines) + "\n")


@pytest.mark.parametrize(
    ("name", "gallery", "probes", "train"),
    [("casia", 3, 6, 8), ("lamp-hq", 3, 6, 8), ("buaa", 3, 6, 4), ("oulu", 3, 6, 12), ("folder", 4, 4, 0)],
)
def test_every_set_has_vis_to_enrol_real_nir_to_search_with_and_others_to_learn_from(
    name, gallery, probes, train, tmp_path
):
    MAKE[name](tmp_path)
    found = read(name, tmp_path)
    assert (len(found.gallery), len(found.probes), len(found.train)) == (gallery, probes, train)
    assert {s.spectrum for s in found.gallery} == {"vis"}
    assert {s.spectrum for s in found.probes} == {"nir"}
    assert {s.identity for s in found.probes} <= {s.identity for s in found.gallery}
    assert not {s.identity for s in found.train} & {s.identity for s in found.gallery}
    assert all(s.image.is_file() for s in [*found.gallery, *found.probes, *found.train])
    assert train == 0 or {s.spectrum for s in found.train} == {"vis", "nir"}
    assert not any("simulated" in note for note in found.notes)


# --- CASIA NIR-VIS 2.0


def test_casia_files_have_other_extensions_than_listed(tmp_path):
    base = miniature.casia(tmp_path)
    listed = (base / "protocols" / "vis_gallery_1.txt").read_text()
    assert "\\" in listed
    assert ".jpg" not in listed
    assert {s.image.suffix for s in read("casia", base).gallery} == {".jpg"}


def test_casia_flattened_has_the_same_people(tmp_path):
    plain, flat = miniature.casia(tmp_path / "a"), miniature.casia(tmp_path / "b", flat=True)
    for part in ("gallery", "probes", "train"):
        of_plain, of_flat = ([s.identity for s in getattr(read("casia", root), part)] for root in (plain, flat))
        assert of_plain == of_flat


def test_casia_view_1_and_a_fold(tmp_path):
    base = miniature.casia(tmp_path, folds=("dev", "7"))
    assert read("casia", base, view=1).name == "casia, View 1"
    assert read("casia", base, "7").name == "casia, fold 7"
    with pytest.raises(DataError, match=r"vis_gallery_1\.txt"):
        read("casia", base)
    with pytest.raises(DataError, match="no folds"):
        read("casia", base, "2", view=1)
    for wrong in ({"view": 3}, {"fold": "11"}, {"fold": "0"}):
        with pytest.raises(DataError):
            read("casia", base, **wrong)


@pytest.mark.parametrize(
    ("file", "number", "text", "words"),
    [
        ("nir_probe_1.txt", 2, "s1\\NIR\\10002", "no picture of this set"),
        ("nir_probe_1.txt", 2, "s1\\NIR\\somebody\\001.bmp", "whose picture"),
        ("nir_probe_1.txt", 2, "s1\\10002\\001.bmp", "which spectrum"),
        ("nir_probe_1.txt", 2, "s1\\VIS\\10002\\001.bmp", "is a VIS picture"),
        ("nir_probe_1.txt", 2, "..\\..\\NIR\\10002\\001.bmp", "no picture of this set"),
        ("nir_probe_1.txt", 2, "s1\\NIR\\10002\\001.bmp 1 2", "no picture of this set"),
        ("nir_probe_1.txt", 2, "s1\\NIR\\77777\\001.bmp", "without a gallery picture"),
        ("vis_gallery_1.txt", 3, "s1\\VIS\\10000\\001.bmp", "is learned from too"),
        ("vis_gallery_1.txt", 2, "s3\\VIS\\10002\\001.bmp", "stands in line 1 too"),
    ],
)
def test_a_wrong_line_of_casia_is_named_with_its_number(file, number, text, words, tmp_path):
    base = miniature.casia(tmp_path)
    if "10000" in text:
        for name in ("nir_probe_1.txt",):
            lines = (base / "protocols" / name).read_text().splitlines()
            (base / "protocols" / name).write_text("\n".join(line for line in lines if "10004" not in line))
    replace_line(base / "protocols" / file, number, text)
    with pytest.raises(DataError, match=words) as caught:
        read("casia", base)
    assert file in str(caught.value)
    assert f"line {number}" in str(caught.value)
    assert "Expected" in str(caught.value)


@pytest.mark.parametrize("damage", ["empty", "binary", "missing"])
def test_a_list_that_is_no_list_is_named(damage, tmp_path):
    path = miniature.casia(tmp_path) / "protocols" / "nir_probe_1.txt"
    if damage == "missing":
        path.unlink()
    else:
        path.write_bytes(b"" if damage == "empty" else b"\xff\xfe\x00\x81")
    with pytest.raises(DataError, match=r"nir_probe_1\.txt"):
        read("casia", tmp_path)


def test_a_tree_without_any_listed_picture_is_another_tree(tmp_path):
    base = miniature.casia(tmp_path)
    (base / "s1").rename(base / "x1")
    assert read("casia", base).gallery, "some pictures may be missing"
    for folder in ("s2", "s3", "s4"):
        (base / folder).rename(base / folder.replace("s", "x"))
    with pytest.raises(DataError, match=r"vis_gallery_1\.txt, line 1.*nor does any other line"):
        read("casia", base)


@pytest.mark.parametrize("name", MAKE)
def test_no_root_and_a_root_that_is_not_there_are_refused(name, tmp_path):
    with pytest.raises(DataError, match="--root"):
        DataRequest(name).read()
    with pytest.raises(DataError, match="no folder"):
        read(name, tmp_path / "nowhere")


# --- LAMP-HQ


@pytest.mark.parametrize(("folder", "header"), [("Protocol", False), ("Protocols", True)])
def test_lamp_hq_copies_differ_in_a_folders_name_and_a_header(folder, header, tmp_path):
    root = miniature.lamp_hq(tmp_path, folder=folder, header=header, folds=(1, 3))
    assert len(read("lamp-hq", root, "3").probes) == 6


@pytest.mark.parametrize(
    ("file", "text", "words"),
    [
        ("test/probe_nir1.txt", "NIR/002/002_0.jpg", "no picture with its label"),
        ("test/probe_nir1.txt", "NIR/002/002_0.jpg two", "no picture with its label"),
        ("test/probe_nir1.txt", "NIR/002 2", "no picture with its label"),
        ("test/probe_nir1.txt", "NIR/002/002_9.jpg 99", "without a gallery picture"),
        ("test/probe_nir1.txt", "NIR/000/000_0.jpg 0", "is learned from too"),
    ],
)
def test_a_wrong_line_of_lamp_hq_is_named_with_its_number(file, text, words, tmp_path):
    root = miniature.lamp_hq(tmp_path)
    replace_line(root / "Protocol" / file, 2, text)
    with pytest.raises(DataError, match=words) as caught:
        read("lamp-hq", root)
    assert f"{Path(file).name}, line 2" in str(caught.value)


def test_lamp_hq_without_its_lists_says_where_they_belong(tmp_path):
    with pytest.raises(DataError, match=r"Protocol or .*Protocols"):
        read("lamp-hq", tmp_path)
    miniature.lamp_hq(tmp_path)
    with pytest.raises(DataError, match=r"gallery_vis2\.txt"):
        read("lamp-hq", tmp_path, "2")
    path = tmp_path / "Protocol" / "test" / "gallery_vis1.txt"
    path.write_text("path label\n")
    with pytest.raises(DataError, match="only line"):
        read("lamp-hq", tmp_path)


# --- BUAA-VisNir and Oulu-CASIA


def test_the_default_division_of_buaa_says_that_it_is_one(tmp_path):
    with pytest.raises(DataError, match="4 people"):
        read("buaa", miniature.buaa(tmp_path / "few", lists=False))
    root = tmp_path / "many"
    for person in range(1, 54):
        for number in (1, 2, 3, 4):
            (root / str(person)).mkdir(parents=True, exist_ok=True)
            (root / str(person) / f"{number}.bmp").touch()
    found = read("buaa", root)
    assert [s.identity for s in found.gallery] == ["51", "52", "53"]
    assert [s.image.name for s in found.probes] == ["2.bmp", "4.bmp"] * 3
    assert {int(s.identity) for s in found.train} == set(range(1, 51))
    assert any("default" in note for note in found.notes)
    assert not any("default" in note for note in read("buaa", miniature.buaa(tmp_path / "listed")).notes)


def test_the_default_division_of_oulu_says_that_it_is_one(tmp_path):
    with pytest.raises(DataError, match="3 people"):
        read("oulu", miniature.oulu(tmp_path / "few", people=3, lists=False))
    for folder in ("NI", "VL"):
        for person in range(1, 43):
            for expression in miniature.EXPRESSIONS:
                place = tmp_path / "many" / folder / "Strong" / f"P{person:03d}" / expression
                place.mkdir(parents=True)
                for frame in range(15):
                    (place / f"{frame:03d}.jpeg").touch()
    found = read("oulu", tmp_path / "many")
    assert [s.identity for s in found.gallery] == [f"P{i:03d}" for i in range(21, 41)]
    assert len(found.probes) == 20 * 6 * 8
    assert [s.image.name for s in found.probes[:8]] == [f"{i:03d}.jpeg" for i in range(0, 15, 2)]
    assert len({s.identity for s in found.train}) == 20
    assert len(found.train) == 20 * 6 * 8 * 2
    assert any("default" in note for note in found.notes)
    with pytest.raises(DataError, match="light"):
        read("oulu", tmp_path / "many", light="Bright")
    with pytest.raises(DataError, match="Weak"):
        read("oulu", tmp_path / "many", light="Weak")


@pytest.mark.parametrize("name", ["buaa", "oulu"])
def test_lists_may_be_given_and_one_alone_is_refused(name, tmp_path):
    base = MAKE[name](tmp_path / "set")
    vis, nir = (base / f"test_{kind}_paths.txt" for kind in ("vis", "nir"))
    moved = [path.rename(tmp_path / path.name) for path in (vis, nir)]
    assert len(read(name, base, vis_list=moved[0], nir_list=moved[1]).probes) == 6
    with pytest.raises(DataError, match="both --vis-list and --nir-list"):
        read(name, base, vis_list=moved[0])
    moved[0].rename(vis)
    with pytest.raises(DataError, match=r"test_nir_paths\.txt"):
        read(name, base)


@pytest.mark.parametrize(
    ("name", "text", "words"),
    [
        ("buaa", "3", "no picture of this set"),
        ("buaa", "Ada/2.bmp", "no picture of this set"),
        ("buaa", "1/2.bmp", "without a gallery picture"),
        ("oulu", "NI/Strong/Anger/000.jpeg", "no picture of this set"),
        ("oulu", "VL/Strong/P002/Anger/000.jpeg", "lies in VL"),
        ("oulu", "NI/Strong/P001/Anger/000.jpeg", "without a gallery picture"),
    ],
)
def test_a_wrong_line_of_test_pictures_is_named_with_its_number(name, text, words, tmp_path):
    base = MAKE[name](tmp_path)
    replace_line(base / "test_nir_paths.txt", 3, text)
    with pytest.raises(DataError, match=words) as caught:
        read(name, base)
    assert "test_nir_paths.txt, line 3" in str(caught.value)


def test_trees_with_holes_are_refused(tmp_path):
    base = miniature.buaa(tmp_path / "buaa")
    for number in (2, 4):
        (base / "1" / f"{number}.bmp").unlink()
    with pytest.raises(DataError, match="both spectra"):
        read("buaa", base)
    (tmp_path / "empty").mkdir()
    with pytest.raises(DataError, match="no people"):
        read("buaa", tmp_path / "empty")
    base = miniature.oulu(tmp_path / "oulu")
    (base / "NI" / "Strong" / "P001" / "Fear" / "000.jpeg").unlink()
    with pytest.raises(DataError, match="Fear"):
        read("oulu", base)
