"""LFW's lists, on miniature trees made here; the real set only where SSN_LFW says where it is."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from ssn.data.lfw import LFW, LfwOptions, Pair, lfw_protocol, read_lfw
from ssn.errors import DataError

SSN_LFW = os.environ.get("SSN_LFW", "")


@pytest.fixture
def root(tmp_path) -> Path:
    (tmp_path / "images").mkdir()
    return tmp_path


def listed(root: Path, text: str, name: str = "list.txt") -> str:
    (root / name).write_text(text, encoding="utf-8")
    return name


def test_photos_lie_in_the_images_folder_or_directly_below_the_root(root):
    assert LFW(root).photo("Ann_Lee", 7) == root / "images" / "Ann_Lee" / "Ann_Lee_0007.jpg"
    (root / "images").rmdir()
    assert LFW(root).photo("Ann_Lee", "12") == root / "Ann_Lee" / "Ann_Lee_0012.jpg"


def test_a_people_list_names_all_photos_of_each_in_order(root):
    name = listed(root, "2\nAnn_Lee\t3\nBen_Oz\t1\n")
    people = LFW(root).people(name)
    assert list(people) == ["Ann_Lee", "Ben_Oz"]
    assert [path.name for path in people["Ann_Lee"]] == [f"Ann_Lee_000{i}.jpg" for i in (1, 2, 3)]


def test_the_counts_between_the_folds_of_a_people_list_are_no_people(root):
    name = listed(root, "2\n1\nAnn_Lee\t1\n2\nBen_Oz\t2\nCy_Po\t1\n")
    assert {person: len(photos) for person, photos in LFW(root).people(name).items()} == {
        "Ann_Lee": 1,
        "Ben_Oz": 2,
        "Cy_Po": 1,
    }


def test_pairs_of_three_columns_show_one_person_and_of_four_two(root):
    name = listed(root, "10\t300\nAnn_Lee\t1\t4\nAnn_Lee\t2\tBen_Oz\t13\n")
    lfw = LFW(root)
    assert lfw.pairs(name) == [
        Pair(lfw.photo("Ann_Lee", 1), lfw.photo("Ann_Lee", 4), True),
        Pair(lfw.photo("Ann_Lee", 2), lfw.photo("Ben_Oz", 13), False),
    ]


@pytest.mark.parametrize("person", ["50_Cent", "Abdul-Aziz_al-Attiyah", "J.P._Ó_Briain", "R2D2", "Person_2"])
def test_names_may_hold_digits_hyphens_and_accents(root, person):
    lfw = LFW(root)
    assert lfw.people(listed(root, f"1\n{person}\t2\n"))[person][1].name == f"{person}_0002.jpg"
    pairs = lfw.pairs(listed(root, f"1\n{person}\t1\t2\n{person}\t1\tAnn_Lee\t3\n"))
    assert [pair.first.parent.name for pair in pairs] == [person] * 2


def test_lists_with_windows_line_ends_a_byte_order_mark_and_blank_lines_are_read(root):
    (root / "list.txt").write_bytes("\ufeff1\r\n\r\nAnn_Lee\t1\t2\r\n\r\n".encode())
    assert len(LFW(root).pairs("list.txt")) == 1


def test_a_list_without_its_count_is_read_too(root):
    assert len(LFW(root).pairs(listed(root, "Ann_Lee\t1\t2\n"))) == 1


@pytest.mark.parametrize(
    "line",
    [
        "Ann_Lee",
        "Ann_Lee 1",
        "Ann_Lee one two",
        "Ann_Lee 1 -2",
        "Ann_Lee 0 1",
        "Ann_Lee 1 Ben_Oz",
        "Ann_Lee Ben_Oz 1 2",
        "Ann_Lee 1 Ben_Oz 2 3",
        "Ann_Lee 1 ²",
        "Ann_Lee 1 ٣",
        "Ann_Lee 1 99999999999",
    ],
)
def test_a_line_that_is_no_pair_is_refused_and_shown(root, line):
    name = listed(root, f"1\nAnn_Lee\t1\t2\n{line}\n")
    with pytest.raises(DataError, match=r"no LFW entry") as caught:
        LFW(root).pairs(name)
    assert line.split()[-1] in str(caught.value)
    assert "list.txt, line 3" in str(caught.value)
    assert "Expected" in str(caught.value)


def test_a_pair_list_is_no_people_list_nor_the_other_way_round(root):
    with pytest.raises(DataError, match="no LFW entry"):
        LFW(root).people(listed(root, "1\nAnn_Lee\t1\t2\n"))
    with pytest.raises(DataError, match="no LFW entry"):
        LFW(root).pairs(listed(root, "1\nAnn_Lee\t1\n"))


@pytest.mark.parametrize("text", ["", "\n\n", "10\t300\n"])
def test_an_empty_list_is_refused(root, text):
    with pytest.raises(DataError, match="empty"):
        LFW(root).pairs(listed(root, text))


def test_a_missing_root_a_missing_list_and_a_binary_list_are_refused(root):
    with pytest.raises(DataError, match="no folder"):
        LFW(root / "none")
    with pytest.raises(DataError, match=r"no list .*none\.txt"):
        LFW(root).pairs("none.txt")
    (root / "binary.txt").write_bytes(b"\xff\xfe\x00\x81")
    with pytest.raises(DataError, match="cannot be read"):
        LFW(root).pairs("binary.txt")


def test_the_list_of_the_set_goes_before_one_of_that_name_where_one_happens_to_stand(
    root, tmp_path_factory, monkeypatch
):
    elsewhere = tmp_path_factory.mktemp("elsewhere")
    listed(elsewhere, "Wrong_One\t1\t2\n", "pairs.txt")
    listed(elsewhere, "Own_List\t1\t2\n", "own.txt")
    listed(root, "Right_One\t1\t2\n", "pairs.txt")
    monkeypatch.chdir(elsewhere)
    assert LFW(root).pairs("pairs.txt")[0].first.parent.name == "Right_One"
    assert LFW(root).pairs("own.txt")[0].first.parent.name == "Own_List"
    assert LFW(root).pairs(str(elsewhere / "pairs.txt"))[0].first.parent.name == "Wrong_One"


def test_the_protocol_holds_each_photo_once_and_says_that_nir_is_simulated(root):
    listed(root, "2\nAnn_Lee\t1\t2\nAnn_Lee\t1\tBen_Oz\t1\n", "pairs.txt")
    listed(root, "2\nAnn_Lee\t3\nBen_Oz\t1\n", "people.txt")
    protocol = lfw_protocol(LFW(root), "pairs.txt", "people.txt")
    (first, second, same), (again, other, different) = protocol.pairs
    assert (same, different) == (True, False)
    assert first is again
    assert (first.identity, second.identity, other.identity) == ("Ann_Lee", "Ann_Lee", "Ben_Oz")
    assert protocol.gallery == [first], "who has one photo cannot be looked for"
    assert [sample.image.name for sample in protocol.probes] == ["Ann_Lee_0002.jpg", "Ann_Lee_0003.jpg"]
    assert any("simulated" in note for note in protocol.notes)


FOLDED = "2\n2\nAnn_Lee\t2\nBen_Oz\t1\n2\nCy_Po\t2\nDi_Qu\t1\n"


def test_a_fold_of_view_2_has_its_pairs_and_learns_from_the_other_folds(root):
    pairs = ["2\t1", "Ann_Lee\t1\t2", "Ann_Lee\t1\tBen_Oz\t1", "Cy_Po\t1\t2", "Cy_Po\t1\tDi_Qu\t1"]
    listed(root, "\n".join(pairs) + "\n", "pairs.txt")
    listed(root, FOLDED, "people.txt")
    found = read_lfw(LfwOptions(root=root, fold=2))
    assert found.name == "lfw, fold 2"
    assert [[a.identity, b.identity] for a, b, _ in found.pairs] == [["Cy_Po", "Cy_Po"], ["Cy_Po", "Di_Qu"]]
    assert {s.identity for s in found.train} == {"Ann_Lee", "Ben_Oz"}
    assert {s.identity for s in found.withheld} == {"Cy_Po", "Di_Qu"}
    with pytest.raises(DataError, match="no fold 3"):
        read_lfw(LfwOptions(root=root, fold=3))
    listed(root, "\n".join(["3\t1", *pairs[1:]]) + "\n", "pairs.txt")
    with pytest.raises(DataError, match=r"pairs\.txt, line 1"):
        read_lfw(LfwOptions(root=root, fold=2))


def test_view_1_learns_from_its_own_list_and_withholds_all_test_people(root):
    listed(root, "1\nAnn_Lee\t1\t2\n", "pairsDevTest.txt")
    assert read_lfw(LfwOptions(root=root)).train == []
    listed(root, "1\nBen_Oz\t2\n", "peopleDevTrain.txt")
    listed(root, "2\nAnn_Lee\t2\nCy_Po\t1\n", "peopleDevTest.txt")
    found = read_lfw(LfwOptions(root=root))
    assert [s.identity for s in found.train] == ["Ben_Oz"] * 2
    assert len(found.tested) == 3


def test_lfw_lies_where_the_environment_says(root, monkeypatch):
    listed(root, "1\nAnn_Lee\t1\t2\n", "pairsDevTest.txt")
    monkeypatch.setenv("SSN_LFW", str(root))
    assert len(read_lfw(LfwOptions()).pairs) == 1
    monkeypatch.delenv("SSN_LFW")
    with pytest.raises(DataError, match="SSN_LFW"):
        read_lfw(LfwOptions())


@pytest.mark.skipif(not SSN_LFW, reason="SSN_LFW does not say where LFW is")
def test_the_real_lists_have_the_published_sizes_and_share_nobody():
    lfw = LFW(SSN_LFW)
    train, test = lfw.people("peopleDevTrain.txt"), lfw.people("peopleDevTest.txt")
    assert (len(train), sum(map(len, train.values()))) == (4038, 9525)
    assert (len(test), sum(map(len, test.values()))) == (1711, 3708)
    assert not train.keys() & test.keys()
    for name, count in (("pairsDevTest.txt", 1000), ("pairsDevTrain.txt", 2200), ("pairs.txt", 6000)):
        pairs = lfw.pairs(name)
        assert len(pairs) == count
        assert sum(pair.same for pair in pairs) == count // 2
        assert all(pair.first.is_file() and pair.second.is_file() for pair in pairs)
        assert all((pair.first.parent == pair.second.parent) == pair.same for pair in pairs)
