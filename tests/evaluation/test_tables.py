"""The paper's layout: our rows first, published ones beside them only where they may stand, every format readable."""

from __future__ import annotations

import csv
import io
import re

from hypothesis import given
from hypothesis import strategies as st

from ssn.evaluation.metrics.intervals import Interval
from ssn.evaluation.published import TABLES, Figure
from ssn.evaluation.tables import (
    MEASURED,
    PUBLISHED,
    Measured,
    as_csv,
    as_latex,
    as_markdown,
    cell,
    paper_tables,
    tex,
)


def ours(set_name: str = "casia", spectrum: str = "nir", occlusion: str = "maskBottom") -> Measured:
    figures = {"auc": Figure(98.5), "eer": Figure(5.25, 0.31), "rank1": Figure(66.0)}
    return Measured("model_1", set_name, spectrum, occlusion, figures, {"auc": Interval(0.985, 0.98, 0.99)})


def test_published_rows_follow_ours_with_their_source_in_the_paper_s_columns():
    (table,) = paper_tables([ours()])
    assert table.paper == "IV"
    assert table.columns[:5] == ("auc", "eer", "tpr_at_0.01", "tpr_at_0.001", "rank1")
    assert [row.published for row in table.rows] == [False] + [True] * (18 + 4)
    assert {row.group for row in table.rows if not row.published} == {MEASURED}
    assert all(row.source.startswith("Luo et al.") for row in table.rows if row.published)
    assert (cell(table.rows[0], "eer"), cell(table.rows[0], "rank2")) == ("5.2±0.3", "–")


def test_nothing_published_stands_beside_another_set_spectrum_or_occlusion():
    for row in (ours("lfw"), ours(spectrum="nir-simulated"), ours(occlusion="surgical")):
        (table,) = paper_tables([row])
        assert [r.method for r in table.rows] == ["model_1"]
        assert table.columns == ("auc", "eer", "rank1")


def test_every_set_spectrum_and_occlusion_is_a_table_of_its_own():
    rows = [ours(), ours("lfw"), ours(occlusion="none"), ours("lfw")]
    assert [len([r for r in table.rows if not r.published]) for table in paper_tables(rows)] == [1, 2, 1]


def test_markdown_has_as_many_cells_in_every_line():
    text = as_markdown(paper_tables([ours(), ours("lfw")]))
    lines = [line for line in text.splitlines() if line.startswith("|")]
    assert len({line.count(" | ") for line in lines[:25]}) == 1
    assert text.count(PUBLISHED) == 22
    assert "| **model_1** | 98.5 | 5.2±0.3 |" in text


def test_csv_reads_back_to_the_printed_figures():
    rows = list(csv.DictReader(io.StringIO(as_csv(paper_tables([ours()])))))
    assert len(rows) == 23
    mine = rows[0]
    assert (mine["method"], mine["published"], mine["eer"], mine["eer_deviation"]) == ("model_1", "no", "5.25", "0.31")
    assert (mine["auc_low"], mine["auc_high"], mine["rank2"]) == ("98", "99", "")
    theirs = {r["method"]: r for r in rows if r["published"] == "yes"}
    assert "Ours" not in theirs
    for row in TABLES["IV"]:
        if row.occlusion == "maskBottom" and row.method != "Ours":
            assert float(theirs[row.method]["rank4"]) == row.figures["rank4"].mean
    assert theirs["SSN, the paper's"]["rank4"] == "97.1"


def test_latex_is_balanced_and_escaped_and_published_rows_are_in_italics():
    text = as_latex(paper_tables([ours()]))
    assert text.count(r"\begin{") == text.count(r"\end{")
    assert r"model\_1 & 98.5 & 5.2$\pm$0.3" in text
    assert r"\textit{VSANet\_ori}" in text
    assert r"\textit{model" not in text
    columns = text.split(r"\begin{tabular}{")[1].split("}")[0]
    for line in text.splitlines():
        if line.endswith(r"\\") and "multicolumn" not in line:
            assert len(re.findall(r"(?<!\\)&", line)) == len(columns) - 1


@given(st.text(alphabet=st.sampled_from("a&%$#_{}~^\\±– ")))
def test_no_special_character_reaches_latex_unescaped(text):
    bare = re.sub(r"\\textbackslash\{\}|\\textasciitilde\{\}|\\textasciicircum\{\}|\$\\pm\$|\\[&%$#_{}]", "", tex(text))
    assert not set(bare) & set("&%$#_{}~^\\±")
