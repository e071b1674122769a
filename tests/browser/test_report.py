"""The report's page in a real browser: no request, no overflow, dark where asked, lines that can be switched off."""

from __future__ import annotations

import pytest
from playwright.sync_api import Browser

from ssn.evaluation.compare import compare
from ssn.evaluation.html_report import Report, as_html
from ssn.evaluation.metrics.intervals import Drawn
from ssn.evaluation.report_parts import PicturePair
from ssn.evaluation.summary import summarise
from ssn.evaluation.tables import measured, paper_tables
from tests.evaluation.toy_scores import toy_run

pytestmark = pytest.mark.browser


@pytest.fixture(scope="module")
def address(tmp_path_factory) -> str:
    folder = tmp_path_factory.mktemp("report")
    runs = [summarise(toy_run(folder / f"{gain}.npz", gain=gain), Drawn(5)) for gain in (0.0, 0.05)]
    names = "set/pictures/A_Name_Of_Many_Parts/A_Name_Of_Many_Parts_0001.jpg as another/A_Name_Of_Many_Parts_0002.jpg"
    errors = [PicturePair("complete: false match", names) for _ in range(5)]
    page = Report("Two runs", runs, paper_tables(measured(runs)), compare(*runs, Drawn(5)), errors=errors)
    (folder / "report.html").write_text(as_html(page), encoding="utf-8")
    return (folder / "report.html").as_uri()


@pytest.mark.parametrize("width", [1440, 390])
def test_the_page_fits_its_window_and_asks_for_nothing(browser: Browser, address, width):
    page = browser.new_page(viewport={"width": width, "height": 900})
    asked, said = [], []
    page.on("request", lambda request: asked.append(request.url))
    page.on("console", lambda message: said.append(message.text))
    page.goto(address)
    assert page.evaluate("document.documentElement.scrollWidth") == width
    assert asked == [address]
    assert said == []
    for box in (chart.bounding_box() for chart in page.locator("figure svg").all()):
        assert box["x"] >= 0
        assert box["x"] + box["width"] <= width
    page.close()


def test_text_stands_out_from_the_page_in_light_and_in_dark(browser: Browser, address):
    grounds = []
    for scheme in ("light", "dark"):
        page = browser.new_page(color_scheme=scheme)
        page.goto(address)
        style = "(() => { const s = getComputedStyle(document.body); return [s.backgroundColor, s.color]; })()"
        ground, ink = (sum(map(int, c[4:-1].split(", "))) for c in page.evaluate(style))
        assert abs(ground - ink) > 450
        grounds.append(ground)
        page.close()
    assert grounds[0] > 600 > 150 > grounds[1]


def test_a_switch_of_the_legend_hides_a_line_in_every_chart(browser: Browser, address):
    page = browser.new_page()
    page.goto(address)
    lines = page.locator("polyline.s1")
    assert lines.count() == 8
    assert all(line.is_visible() for line in lines.all())
    page.locator("#run1").uncheck()
    assert sum(line.is_visible() for line in lines.all()) == 4
    page.locator("#run1").check()
    page.locator("#show1").uncheck()
    assert not any(line.is_visible() for line in lines.all())
    assert all(line.is_visible() for line in page.locator("polyline.s2").all())
    page.close()
