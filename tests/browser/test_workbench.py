"""The workbench, driven as a person would: photo, occlusion, pictures, matches."""

from __future__ import annotations

import re

import pytest

pytestmark = pytest.mark.browser


def test_from_upload_to_ranked_matches(visitor, demo):
    page = visitor.page
    visitor.screenshot("start")
    visitor.open_photo(demo[0].enrolment)
    assert "1 face" in page.locator("#found figcaption").inner_text()
    assert "68 landmarks" in page.locator("#found figcaption").inner_text()
    complete = visitor.block_sources()

    page.get_by_label("maskBottom").click()
    visitor.wait_for_change("#facts .facts", "data-hidden", "0.0 %")
    assert float(visitor.hidden().split()[0]) > 10
    hidden = visitor.block_sources()
    assert len(hidden) == 12, "a saliency, a response and a shift for each block"
    assert all(now != then for now, then in zip(hidden[0::3], complete[0::3], strict=True)), "it goes where v does"
    assert all(now != then for now, then in zip(hidden[1::3], complete[1::3], strict=True)), "the response follows"
    assert all(now != then for now, then in zip(hidden[2::3], complete[2::3], strict=True)), "so does the shift"

    rows = page.locator("#ranks li").all()
    assert len(rows) == 5
    known = {person.name for person in demo}
    scores = []
    for row in rows:
        assert row.locator(".name").inner_text() in known
        assert row.locator(".chip").inner_text() in ("match", "uncertain", "no match")
        assert row.locator("img").get_attribute("src").startswith("data:image/webp")
        said = "".join(row.locator(".score").inner_text().split())
        scores.append(float(re.fullmatch(r"(-?\d\.\d{3})was-?\d\.\d{3}", said).group(1)))
    assert scores == sorted(scores, reverse=True)
    assert page.locator("#verdict h3").inner_text()
    page.wait_for_selector("#score-plot .main-svg")
    visitor.screenshot("mask-bottom")


def test_the_pictures_follow_the_brush(visitor):
    page = visitor.page
    page.locator("#examples button").first.click()
    page.wait_for_selector("#ranks li")
    before = visitor.block_sources()
    visitor.stroke((0.3, 0.4), (0.7, 0.4))
    visitor.wait_for_strokes()
    page.wait_for_function("() => document.querySelector('#occlusion input:checked').value === 'painted'")
    painted = visitor.hidden()
    assert 3 < float(painted.split()[0]) < 30
    assert visitor.block_sources()[1] != before[1]
    visitor.screenshot("painted")

    page.get_by_label("Painted").check()
    page.get_by_role("group", name="Brush").get_by_text("Reveal").click()
    visitor.stroke((0.3, 0.4), (0.5, 0.4))
    visitor.wait_for_strokes()
    assert float(visitor.hidden().split()[0]) < float(painted.split()[0])
    page.get_by_role("button", name="Clear").click()
    page.wait_for_function("() => document.querySelector('#facts .facts').dataset.hidden === '0.0 %'")
    page.get_by_role("button", name="Undo").click()
    visitor.wait_for_change("#facts .facts", "data-hidden", "0.0 %")


def example(demo, worn: str) -> str:
    """The name of the first example that wears something."""
    return next(probe.file.stem for person in demo for probe in person.probes if probe.occlusion == worn)


def test_what_covers_the_face_is_found_and_hidden_where_it_is_opaque(visitor, server, demo):
    page = visitor.page
    page.goto(f"{server}/?example={example(demo, 'scarf')}")
    page.wait_for_selector("#ranks li")
    assert "seems to cover" in page.locator("#facts .cover").inner_text()
    complete = visitor.block_sources()
    page.get_by_label("Found").check()
    visitor.wait_for_change("#facts .facts", "data-hidden", "0.0 %")
    assert 15 < float(visitor.hidden().split()[0]) < 60
    assert "is hidden now" in page.locator("#facts .cover").inner_text()
    assert all(now != then for now, then in zip(visitor.block_sources()[1::3], complete[1::3], strict=True))
    visitor.screenshot("found-scarf")

    page.goto(f"{server}/?example={example(demo, 'goggles')}&mode=found")
    page.wait_for_selector("#ranks li")
    assert page.get_by_label("Found").is_checked(), "the address says so"
    assert "lets light through" in page.locator("#facts .cover").inner_text()
    assert visitor.hidden() == "0.0 %", "what shines through still tells who it is"
    visitor.screenshot("found-goggles")


def test_an_example_is_labelled_simulated(visitor, demo):
    page = visitor.page
    page.locator("#examples button").first.click()
    page.wait_for_selector("#ranks li")
    assert "simulated NIR" in page.locator("#found figcaption").inner_text()
    assert "simulated NIR" in page.locator("#facts").inner_text()
    assert page.locator("#spectrum input:checked").get_attribute("value") == "nir"
    assert "No saliency search has been run" not in page.locator("#blocks").inner_text()
    assert page.get_by_label("NIR indicator").is_checked(), "its own spectrum's"


def test_spectrum_indicator_and_overlay_can_be_chosen(visitor, demo):
    page = visitor.page
    visitor.open_photo(demo[1].enrolment)
    pictures = visitor.block_sources()
    page.get_by_label("Lay over the face").click()
    visitor.wait_for_change("#blocks .cell img", "src", pictures[0])
    page.get_by_label("Simulate NIR from this VIS photo").click()
    page.wait_for_function("() => document.querySelector('#facts').innerText.includes('simulated NIR')")
    laid = visitor.block_sources()
    page.get_by_label("VIS indicator").click()
    page.wait_for_selector("#blocks .notice")
    assert "went through the other one" in page.locator("#blocks .notice").inner_text()
    other = visitor.block_sources()
    assert all(now != then for now, then in zip(other[0::3], laid[0::3], strict=True)), "the other spectrum's M"
    assert other[1] == laid[1], "the response is this face's still"


STRUCTURE = """
image => {
  const canvas = Object.assign(document.createElement("canvas"), { width: 44, height: 44 });
  const paint = canvas.getContext("2d");
  paint.drawImage(image, 0, 0, 44, 44);
  const { data } = paint.getImageData(0, 0, 44, 44);
  const hues = Array.from({ length: 44 * 44 }, (_, i) => data[4 * i + 1] - data[4 * i + 2]).sort((a, b) => a - b);
  return hues[Math.floor(0.95 * hues.length)] - hues[Math.floor(0.05 * hues.length)];
}
"""
"""How far green and blue part between the places of a picture, which a gray face changes nothing of."""


def test_the_indicators_show_structure_over_a_face_and_without(visitor):
    page = visitor.page
    page.locator("#examples button").first.click()
    page.wait_for_selector("#blocks .cell img")
    for _ in ("over the face", "alone"):
        saliency = page.locator('#blocks img[alt^="Saliency"]')
        assert saliency.count() == 4
        for image in saliency.all():
            assert image.evaluate(STRUCTURE) > 60
        pictures = visitor.block_sources()
        page.get_by_label("Lay over the face").click()
        visitor.wait_for_change("#blocks .cell img", "src", pictures[0])
    visitor.tab("Model")
    learned = page.locator(".blocks.learned img")
    learned.first.wait_for()
    assert learned.count() == 12
    assert all(image.evaluate(STRUCTURE) > 60 for image in page.locator('.learned img[alt^="NIR indicator"]').all())
    page.get_by_text("Block by block", exact=True).click()
    assert page.get_by_role("row", name="mouth").last.is_visible()


def test_two_visitors_do_not_see_each_other(visit, demo):
    first, second = visit(), visit()
    first.open_photo(demo[0].enrolment)
    assert second.page.locator("#found .photo").count() == 0
    second.open_photo(demo[1].enrolment)
    second.page.get_by_label("maskTop").click()
    second.wait_for_change("#facts .facts", "data-hidden", "0.0 %")
    photo = first.page.locator("#found img").get_attribute("src")
    first.page.get_by_label("Lay over the face").click()
    first.page.get_by_label("maskBottom").click()
    first.wait_for_change("#facts .facts", "data-hidden", "0.0 %")
    assert first.page.locator("#found img").get_attribute("src") == photo
    assert second.page.locator("#found img").get_attribute("src") != photo
    assert first.hidden() != second.hidden()


def test_a_match_is_explained(visitor):
    page = visitor.page
    page.locator("#examples button").first.click()
    page.wait_for_selector("#ranks li")
    page.locator("#why-method input").click()
    page.get_by_role("option", name="Grad-CAM").click()
    name = page.locator("#ranks .name").nth(1).inner_text()
    page.get_by_role("button", name=f"Why {name}?").click()
    page.wait_for_selector("#why-result .reason")
    assert name in page.locator("#why-result h3").inner_text()
    page.wait_for_function("() => document.querySelector('#why-result .notice').innerText.includes('controls')")
    page.wait_for_function("() => document.querySelectorAll('#why-plots .js-plotly-plot .main-svg').length >= 4")
    beyond = page.locator("#why-plots .main-svg").evaluate_all(
        "plots => plots.map(plot => plot.getBoundingClientRect().right"
        " - plot.closest('#why-plots').getBoundingClientRect().right)"
    )
    assert max(beyond) <= 1, "both plots are whole"
    visitor.screenshot("why")
    page.get_by_label("maskTop").click()
    page.wait_for_function("() => document.querySelector('#why-result').innerText.includes('Press Explain')")


@pytest.mark.parametrize("width", [1024, 390])
def test_narrow_and_dark(visit, width):
    visitor = visit(viewport={"width": width, "height": 844}, color_scheme="dark")
    visitor.page.locator("#examples button").first.click()
    visitor.page.wait_for_selector("#ranks li")
    assert visitor.page.evaluate("document.documentElement.scrollWidth") <= width, "nothing sticks out sideways"
    visitor.screenshot(f"dark-{width}")
