"""The page: whole, safe, small, and as a real browser shows it."""

from __future__ import annotations

import base64
import re
from dataclasses import replace
from html.parser import HTMLParser
from io import BytesIO

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from ssn.evaluation import svg
from ssn.evaluation.compare import compare
from ssn.evaluation.curves import AXES, Curve, Histogram
from ssn.evaluation.html_report import Report, as_html
from ssn.evaluation.metrics.intervals import Drawn
from ssn.evaluation.report_parts import GroupRow, PicturePair, jpeg_uri, row_name
from ssn.evaluation.scores import Comparisons, RunHeader, ScoreRow
from ssn.evaluation.summary import RunSummary, summarise, summarise_row
from ssn.evaluation.tables import measured, paper_tables
from tests.evaluation.toy_scores import toy_run

VOID = {"meta", "input", "img", "wbr"}


class Reader(HTMLParser):
    """Tags, their attributes and texts; complains where tags are not closed in order."""

    def __init__(self, page: str):
        super().__init__()
        self.open, self.tags, self.texts = [], [], []
        self.feed(page)
        assert self.open == []

    def handle_starttag(self, tag, attributes):
        self.tags.append((tag, dict(attributes)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag, attributes):
        self.tags.append((tag, dict(attributes)))

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        self.texts.append(data)


def picture(seed: int, side: int = 128) -> np.ndarray:
    rng = np.random.default_rng(seed)
    return np.kron(rng.integers(0, 255, (8, 8, 3)), np.ones((side // 8, side // 8, 1))).astype(np.uint8)


@pytest.fixture(scope="module")
def runs(tmp_path_factory) -> list[RunSummary]:
    folder = tmp_path_factory.mktemp("runs")
    return [summarise(toy_run(folder / f"{gain}.npz", gain=gain), Drawn(20)) for gain in (0.0, 0.05)]


@pytest.fixture(scope="module")
def page(runs) -> str:
    errors = [PicturePair("False match, score 0.7", "a & b", picture(0), picture(1), picture(2))]
    groups = [GroupRow("<under 40>", 12, {"tpr_at_0.001": 0.97})]
    tables, differences = paper_tables(measured(runs)), compare(*runs, Drawn(20))
    return as_html(Report("Two <models>", runs, tables, differences, groups, errors, ["a note"]))


def test_the_page_is_well_formed_and_fetches_nothing(page):
    tags = Reader(page).tags
    assert not {tag for tag, _ in tags} & {"script", "link", "iframe", "object"}
    addresses = [a[name] for _, a in tags for name in ("src", "href") if name in a]
    assert addresses
    assert all(address.startswith("data:image/jpeg;base64,") for address in addresses)
    assert not re.search(r"https?:|url\(|@import", page)


def test_what_is_named_is_escaped(page):
    texts = " ".join(Reader(page).texts)
    assert "Two <models>" in texts
    assert "<under 40>" in texts
    assert "<models>" not in page


def test_the_page_says_what_was_run_and_what_failed(page, runs):
    texts = " ".join(Reader(page).texts)
    for word in ("toy-0.05", "CASIA NIR-VIS 2.0, fold 1", "0123456789abcdef", "python -m ssn evaluate", "a note"):
        assert word in texts
    assert "1 of 121 probes gave no face (FTA 0.83 %)" in texts
    assert "person 000/blurred.jpg" in texts
    for run in runs:
        for row in run.rows:
            assert f"{100 * row.measures['tpr_at_0.01'].value:.1f}" in texts


def test_there_is_a_line_for_every_row_of_every_run_in_every_chart(page, runs):
    drawn = [a.get("class", "").split() for tag, a in Reader(page).tags if tag == "polyline"]
    lines = [classes for classes in drawn if "s0" in classes]
    assert len(lines) == 4 * 2
    assert sum("r1" in line for line in lines) == 4
    switches = [a for tag, a in Reader(page).tags if tag == "input" and a.get("id", "").startswith("run")]
    assert [("checked" in a) for a in switches] == [True, True]
    histograms = [a for tag, a in Reader(page).tags if tag == "svg" and "histogram" in a.get("class", "")]
    assert len(histograms) == 6


def test_published_rows_are_marked_and_said_not_to_be_measured(page):
    published = [a for tag, a in Reader(page).tags if tag == "tr" and a.get("class") == "published"]
    assert len(published) == (24 + 2) + 18 + (18 + 4)
    assert all(a["title"] for a in published)
    assert page.count("published figures, not measured here") == 3


def test_a_page_of_measures_alone_has_no_empty_chart(runs):
    bare = [
        RunSummary(
            RunHeader("m", "p", ""), [type(row)(row.spectrum, row.occlusion, row.measures) for row in runs[0].rows]
        )
    ]
    reader = Reader(as_html(Report("bare", bare)))
    assert not [tag for tag, _ in reader.tags if tag == "svg"]
    assert not {"Curves", "Scores", "Worst errors", "By group", "Failures to acquire"} & set(reader.texts)


def test_a_picture_is_embedded_as_a_small_jpeg_of_its_colours():
    uri = jpeg_uri(picture(5, 512))
    image = Image.open(BytesIO(base64.b64decode(uri.split(",")[1])))
    assert (image.format, image.size) == ("JPEG", (128, 128))
    small = np.array(Image.fromarray(picture(5, 512)).resize((128, 128), Image.Resampling.BOX)).astype(float)
    assert np.abs(np.array(image) - small).mean() < 25
    assert np.abs(np.array(image)[..., ::-1] - small).mean() > 40


@given(st.floats(-1e3, 1e3), st.floats(1e-6, 1e3))
def test_ticks_are_few_round_and_within(low, width):
    high = low + width
    ticks = svg.even_ticks(low, high)
    assert 1 <= len(ticks) <= 6
    assert all(low - 1e-6 * width <= tick <= high + 1e-6 * width for tick in ticks)


def test_a_line_begins_and_ends_where_its_axes_do():
    x = np.array([0, 0, 1e-5, 1e-3, 0.01, 0.3, 0.6, 1.0])
    y = np.array([1, 0.9, 0.5, 0.2, 0.1, 0.0005, 0.0001, 0])
    seen = svg.within(Curve(x, y), *AXES["det"])
    assert seen.x.tolist() == [1e-5, 1e-3, 0.01, 0.3]
    whole = svg.within(Curve(x, 1 - y), *AXES["roc"])
    assert whole.x.tolist() == x[2:].tolist()


def test_ten_thousand_probes_make_a_small_page():
    """The promise is 15 MB; thinned curves make it a fraction of one."""
    rng = np.random.default_rng(0)
    people, probes = 50, 10_000
    owner = np.arange(probes) % people
    names = np.array([f"person {i}" for i in range(people)])
    who = Comparisons(np.arange(probes).astype(str), names, names[owner], names, np.arange(people))
    matrix = rng.normal(0, 0.2, (probes, people)) + 0.5 * (owner[:, None] == np.arange(people))
    row = summarise_row(ScoreRow("nir", "none", matrix, np.arange(probes)), who, Drawn(1))
    pages = as_html(Report("large", [RunSummary(RunHeader("m", "p", "f"), [row])]))
    assert len(pages.encode()) < 150_000
    points = re.findall(r'<polyline class="s\d[^"]*" points="([^"]*)"', pages)
    assert len(points) == 4
    assert all(len(line.split()) <= 501 for line in points)


def test_before_and_after_the_mask_stand_side_by_side_with_what_the_mask_costs(page, runs):
    section = page[page.index("Open set, before and after the mask") :].partition("</table>")[0]
    head = re.findall(r'<th scope="col">(.*?)</th>', section)
    assert head == ["probes", "complete", "maskTop", "maskBottom"]
    rows = re.findall(r'<tr><th scope="row">(.*?)</th>(.*?)</tr>', section)
    assert [name.replace("<wbr>", "") for name, _ in rows] == [
        f"{letter}: NIR, {measure}" for letter in "AB" for measure in ("FNIR@FPIR=10%", "FNIR@FPIR=1%")
    ]
    found = {row.occlusion: row.measures["fnir_at_0.01"].value for row in runs[1].rows}
    cells = re.findall(r"<td>([\d.]+)(?:<small>(.*?)</small>)?</td>", rows[3][1])
    assert [float(value) for value, _ in cells] == [
        round(100 * found[name], 1) for name in ("none", "maskTop", "maskBottom")
    ]
    more = [float(text.replace("−", "-")) for _, text in cells if text]
    assert more == pytest.approx([100 * (found[name] - found["none"]) for name in ("maskTop", "maskBottom")], abs=0.051)


def test_without_a_complete_row_nothing_is_before_the_mask(runs):
    masked = replace(runs[0], rows=[row for row in runs[0].rows if row.occlusion != "none"])
    assert "before and after" not in as_html(Report("t", [masked]))


def test_a_pair_without_pictures_is_named_and_shows_nobody():
    page = as_html(Report("t", [], errors=[PicturePair("False match", "a against b")]))
    assert "a against b" in page
    assert "<img" not in page


@pytest.mark.parametrize("score", [0.0, 0.3, 0.55, 0.8, 0.99])
def test_what_is_written_beside_a_threshold_lies_within_the_drawing(score):
    bins = np.full(10, 0.1)
    drawing = svg.histogram("h", Histogram(np.linspace(0, 1, 11), bins, bins), {"0.001": score}, 0)
    x, side, words = re.search(r'class="mark" x="([\d.]+)" y=[^>]*text-anchor="(\w+)">(.*?)<', drawing).groups()
    width = 7.5 * len(words)
    ends = (float(x), float(x) + width) if side == "start" else (float(x) - width, float(x))
    assert ends[0] >= 0
    assert ends[1] <= svg.WIDTH


def test_runs_of_one_command_say_it_once_and_others_each_their_own(runs):
    several = as_html(Report("t", [runs[0], replace(runs[1], header=replace(runs[0].header, model_id="other"))]))
    assert several.count("<dt>command</dt>") == 1
    assert "<dt>run B</dt><dd><code>other</code>" in several
    apart = as_html(Report("t", [runs[0], replace(runs[1], header=replace(runs[1].header, command="another"))]))
    assert apart.count("<dt>command</dt>") == 2
    assert "<h3>Run B</h3>" in apart


def test_runs_of_one_command_on_other_pictures_say_whose_fingerprint_is_which(runs):
    changed = replace(runs[0].header, model_id="saliency × picture", fingerprint="of its pictures")
    page = as_html(Report("t", [runs[0], replace(runs[1], header=changed), runs[0]]))
    assert page.count("<dt>command</dt>") == 1
    assert f"<code>A, C: {runs[0].header.fingerprint}; B: of its pictures</code>" in page


def test_of_many_runs_one_measure_stands_side_by_side_and_the_best_is_bold(runs):
    three = [runs[0], runs[1], runs[0]]
    assert "At a glance" not in as_html(Report("t", three[:2])), "two are compared by their differences"
    page = as_html(Report("t", three))
    table = page[page.index("At a glance: Rank-1") : page.index("<h2>Measures")]
    for row in runs[0].rows:
        name = f'<tr><th scope="row">{row_name(row)}</th>'
        cells = table[table.index(name) + len(name) :].split("</tr>")[0]
        values = [next(r for r in run.rows if r.key == row.key).measures["rank1"].value for run in three]
        shown = [float(cell.removesuffix("</td>").strip("<b>/")) for cell in cells.split("<td>")[1:]]
        assert shown == pytest.approx([100 * value for value in values], abs=0.051)
        assert [cell.startswith("<b>") for cell in cells.split("<td>")[1:]] == [v == max(values) for v in values]
