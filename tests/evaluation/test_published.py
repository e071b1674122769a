"""The transcription of the paper's tables: counts, spot values, and laws every such row obeys."""

import pytest

from ssn.evaluation.published import COLUMNS, LATER, SETS, TABLES, beside, set_of, table_of

CASIA, LAMP, BUAA, OULU = SETS.values()
ALL = [(table, row) for table, rows in TABLES.items() for row in rows]


def row(table: str, method: str, occlusion: str, name: str):
    (found,) = [r for r in TABLES[table] if (r.method, r.occlusion, r.set) == (method, occlusion, name)]
    return found


def test_every_table_has_as_many_rows_as_in_print():
    counts = {table: len(rows) for table, rows in TABLES.items()}
    assert counts == {"I": 6, "II": 24, "III": 2 * 16, "IV": 2 * 18, "V": 2 * 18, "VI": 4 * 18, "VII": 6}
    assert len(LATER) == 7


@pytest.mark.parametrize(
    ("table", "method", "occlusion", "name", "measure", "printed"),
    [
        ("I", "VSANet", "none", LAMP, "tpr_at_0.001", "78.2±3.0"),
        ("I", "SSN (Ours)", "none", LAMP, "rank1", "98.6±0.2"),
        ("II", "HFR-CNN", "none", CASIA, "tpr_at_0.001", "78.0"),
        ("II", "VSANet", "none", CASIA, "rank1", "99.2±0.0"),
        ("II", "SSN (Ours)", "none", CASIA, "tpr_at_0.001", "99.8±0.0"),
        ("III", "KDSR", "none", BUAA, "tpr_at_0.001", "69.5"),
        ("III", "CFC", "none", OULU, "tpr_at_0.001", "90.7"),
        ("III", "SSN (Ours)", "none", OULU, "tpr_at_0.001", "98.1"),
        ("IV", "DFNet_retrain", "maskBottom", CASIA, "eer", "4.8±0.3"),
        ("IV", "Light CNN", "maskTop", CASIA, "rank4", "95.1±0.7"),
        ("IV", "Ours", "maskTop", CASIA, "rank1", "98.4±0.3"),
        ("V", "PACH_retrain", "maskBottom", LAMP, "rank1", "68.5±1.3"),
        ("V", "PACH + DFNet", "maskTop", LAMP, "tpr_at_0.001", "44.0±1.6"),
        ("V", "Ours", "maskBottom", LAMP, "tpr_at_0.001", "83.8±1.2"),
        ("VI", "LBAM_retrain", "maskBottom", OULU, "tpr_at_0.001", "5.7"),
        ("VI", "Ours", "maskTop", BUAA, "rank1", "97.3"),
        ("VII", "w/ SI (split) + IB", "maskBottom", CASIA, "rank5", "96.0±0.6"),
        ("VII", "Light CNN Finetune", "maskBottom", CASIA, "tpr_at_0.001", "47.6±7.1"),
    ],
)
def test_spot_values(table, method, occlusion, name, measure, printed):
    assert str(row(table, method, occlusion, name).figures[measure]) == printed


def test_a_dash_in_print_is_no_figure():
    assert set(row("II", "DSIFT", "none", CASIA).figures) == {"rank1"}
    assert str(row("II", "DLFace", "none", CASIA).figures["rank1"]) == "98.68"


@pytest.mark.parametrize(("table", "found"), ALL, ids=[f"{t} {r.method} {r.occlusion} {r.set}" for t, r in ALL])
def test_every_row_obeys_what_such_measures_obey(table, found):
    shares = {name: figure.mean for name, figure in found.figures.items()}
    assert set(shares) <= set(COLUMNS[table])
    assert all(0 <= share <= 100 for share in shares.values())
    if table in ("IV", "V", "VI", "VII"):
        assert set(shares) == set(COLUMNS[table])
    if {"tpr_at_0.01", "tpr_at_0.001"} <= set(shares):
        assert shares["tpr_at_0.001"] <= shares["tpr_at_0.01"]
    ranks = [share for name, share in shares.items() if name.startswith("rank")]
    assert ranks == sorted(ranks)
    assert found.source.endswith(f"Table {table}")


def test_table_vii_repeats_the_ends_of_table_iv():
    for method in ("Light CNN", "Ours"):
        long, short = (row(t, method, "maskBottom", CASIA).figures for t in ("VII", "IV"))
        assert {name: long[name] for name in short} == short


def test_groups_are_those_of_captions_and_text():
    groups = {name: {r.group for r in TABLES["IV"] if r.method.startswith(name)} for name in ("GCPANet", "EGNet")}
    assert set.union(*groups.values()) == {"saliency detection"}
    assert row("IV", "PCFH + LBAM", "maskTop", CASIA).group == "fusion, A + B"
    assert row("V", "VSANet_ori", "maskTop", LAMP).group == "NIR-VIS HFR"
    assert row("VI", "LBAM_retrain", "maskTop", BUAA).group == "visual face completion"
    assert sum(r.group == "traditional" for r in TABLES["II"]) == 6


def test_published_rows_stand_beside_the_same_set_and_occlusion_only():
    found = beside("casia", "maskTop")
    assert {(r.set, r.occlusion) for r in found} == {(CASIA, "maskTop")}
    assert len(found) == 18
    assert beside(LAMP, "none") == [*TABLES["I"], *(r for r in LATER if r.set == LAMP and "SSN" not in r.method)]
    assert beside("casia", "none", "nir-simulated") == []
    assert beside("lfw", "maskTop") == []
    assert beside("casia", "surgical") == []
    assert (table_of("buaa", "maskTop"), table_of("casia", "maskBottom"), table_of("lfw", "none")) == ("VI", "IV", None)


@pytest.mark.parametrize(
    ("protocol", "name"),
    [("casia, fold 1", CASIA), ("CASIA NIR-VIS 2.0, fold 3", CASIA), ("Oulu-CASIA NIR-VIS", OULU), ("lfw", None)],
)
def test_a_protocol_is_of_the_set_its_name_begins_with(protocol, name):
    assert set_of(protocol) == name
