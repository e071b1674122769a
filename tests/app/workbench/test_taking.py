"""What is taken along: every number and picture of the probe, in files that others can open."""

from __future__ import annotations

import base64
import builtins
import io
import json
import re
import threading
import zipfile
from html.parser import HTMLParser

import numpy as np
import pytest
from PIL import Image

from app.workbench import bench as steps
from app.workbench.reasons import find_reason
from app.workbench.take_panel import TakePanel
from app.workbench.taking import GROUPS, report_of
from app.workbench.taking_files import file_of
from app.workbench.taking_html import FORMS
from ssn.errors import DataError, NoFaceError, OptionError
from ssn.explanation.cache import Memory
from ssn.faces.types import AlignedFace
from tests.app.conftest import event


@pytest.fixture
def ranked(services, bench, face, landmarks):
    """Ada, <Eve> and somebody written in other letters are enrolled; the upper half of the probe is hidden."""
    services.enrol("Ada", face, "test")
    services.enrol("<Eve> & co", AlignedFace(face.pixels[::-1].copy(), landmarks, face.transform), "test")
    services.enrol("愛子", AlignedFace(face.pixels[:, ::-1].copy(), landmarks, face.transform), "test")
    mask = np.zeros((128, 128), bool)
    mask[:64] = True
    return steps.paint(services, steps.choose(services, bench, 0), mask)


@pytest.fixture
def reason(services, ranked):
    person = ranked.matches[0].person_id
    return find_reason(services, ranked, person, "gradcam", False, Memory(4), lambda _: None, threading.Event())


class Reader(HTMLParser):
    """What a browser would load, and whether every element is closed."""

    def __init__(self, page: str):
        super().__init__()
        self.sources: list[str] = []
        self.open: list[str] = []
        self.text = ""
        self.feed(page)

    def handle_starttag(self, tag, attrs):
        self.sources += [value for name, value in attrs if name in ("src", "href")]
        if tag not in ("meta", "img", "br", "link"):
            self.open.append(tag)
        assert tag != "script"

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        self.text += data


def test_the_html_report_holds_everything_and_asks_nobody(services, ranked, reason):
    taken = file_of("html", services, ranked, reason)
    page = Reader(taken.content.decode())
    assert page.open == []
    assert page.sources
    assert all(source.startswith("data:image/") for source in page.sources)
    for sentence in (*GROUPS, "50.0 %", services.recognizer.model_id, "Grad-CAM", "<Eve> & co", "愛子"):
        assert sentence in page.text
    for match, complete in zip(ranked.matches, ranked.complete_scores, strict=True):
        assert f"{match.score:.3f}" in page.text
        assert f"{complete:.3f}" in page.text
    for rate, score in services.recognizer.card.thresholds.items():
        assert f"{score:.3f}" in page.text, rate
    assert reason.belief.verdict in page.text


def test_without_an_explanation_there_is_no_such_section(services, ranked, reason):
    titles = [section.title for section in report_of(services, ranked, None).sections]
    assert not any(title.startswith("Why") for title in titles)
    assert any(title.startswith("Why") for title in [s.title for s in report_of(services, ranked, reason).sections])


def test_an_indicator_stands_in_the_report_with_the_range_of_its_colours(services, ranked):
    page = Reader(file_of("html", services, ranked, None).content.decode())
    for block in ranked.after.maps:
        low, high = block.indicator.min(), block.indicator.max()
        said = f"Indicator of block {block.number}, {low:.2f} to {high:.2f}"
        assert (said in page.text) == (high - low > 1e-4), "a uniform one has no picture"
    assert ("what the block’s maps are multiplied by" in page.text) == ("Indicator of block 1" in page.text)


def test_the_pdf_is_one_and_says_what_its_letters_cannot(services, ranked, reason):
    content = file_of("pdf", services, ranked, reason).content
    assert content.startswith(b"%PDF-")
    assert content.rstrip().endswith(b"%%EOF")
    assert len(re.findall(rb"/Type /Page\b", content)) >= 2
    assert content.count(b"/Subtype /Image") >= len(ranked.after.maps) * 2


def test_without_the_library_for_pdf_its_name_is_said(services, ranked, monkeypatch):
    really = builtins.__import__

    def missing(name, *rest, **more):
        if name == "fpdf":
            raise ImportError(name)
        return really(name, *rest, **more)

    monkeypatch.setattr(builtins, "__import__", missing)
    with pytest.raises(OptionError, match="pip install fpdf2"):
        file_of("pdf", services, ranked, None)


def test_the_numbers_are_those_of_the_bench(services, ranked, reason):
    arrays = np.load(io.BytesIO(file_of("npz", services, ranked, reason).content))
    np.testing.assert_array_equal(arrays["mask"], ranked.mask)
    np.testing.assert_array_equal(arrays["seen"], ranked.after.face.pixels)
    np.testing.assert_array_equal(arrays["why"], reason.found.main_map)
    for now, complete in zip(ranked.after.maps, ranked.before.maps, strict=True):
        np.testing.assert_array_equal(arrays[f"block{now.number}_response"], now.response)
        np.testing.assert_array_equal(arrays[f"block{now.number}_shift"], now.response - complete.response)


def test_every_picture_of_the_maps_opens(services, ranked, reason):
    with zipfile.ZipFile(io.BytesIO(file_of("png", services, ranked, reason).content)) as packed:
        names = packed.namelist()
        sizes = {Image.open(io.BytesIO(packed.read(name))).size for name in names}
    assert {"block1-response.png", "block4-shift.png", "why.png"} <= set(names)
    assert sizes == {(512, 512)}


def test_the_ranking_has_the_form_of_the_command_line(services, ranked):
    said = json.loads(file_of("json", services, ranked, None).content)
    assert said["model"] == services.recognizer.model_id
    assert said["hidden"] == pytest.approx(0.5)
    for row, match in zip(said["matches"], ranked.matches, strict=True):
        assert {"rank", "person", "score", "verdict", "score_complete"} == set(row)
        assert (row["person"], row["score"]) == (match.person, pytest.approx(match.score))


def test_what_cannot_be_taken_is_said(services, ranked, bench):
    with pytest.raises(DataError, match="no form"):
        file_of("docx", services, ranked, None)
    with pytest.raises(NoFaceError, match="Choose a probe"):
        file_of("html", services, bench, None)


def test_the_page_answers_with_the_file(services, desk, visitor, ranked):
    take = next(panel for panel in desk.below if isinstance(panel, TakePanel))
    assert "Choose a probe first" in take.on_take(event(form="json"), visitor)[take.problem]
    desk.visit(visitor)[1].put(ranked)
    for form in FORMS:
        message = json.loads(take.on_take(event(form=form), visitor)[take.files])
        assert base64.b64decode(message["data"])
        assert message["name"].startswith("your-photo")


def test_an_explanation_of_another_bench_is_not_taken_along(desk, visitor, ranked, reason):
    visit = desk.visit(visitor)[1]
    visit.put(ranked)
    visit.explained(visit.begin(ranked), reason)
    assert visit.reason is reason
    visit.put(ranked)
    assert visit.reason is None
