"""A probe as a file, and an address that is opened again."""

from __future__ import annotations

import json
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pytest

pytestmark = pytest.mark.browser


def query(page) -> dict[str, str]:
    return {name: values[0] for name, values in parse_qs(urlsplit(page.url).query).items()}


def wait_for_query(page, name: str, value: str | None) -> None:
    page.wait_for_function(
        "([name, value]) => new URLSearchParams(location.search).get(name) === value", arg=[name, value]
    )


def test_the_address_follows_and_brings_the_same_back(visit):
    first = visit()
    page = first.page
    page.locator("#examples button").nth(2).click()
    page.wait_for_selector("#ranks li")
    page.locator("#occlusion").get_by_label("maskBottom").check()
    wait_for_query(page, "mode", "maskBottom")
    assert page.get_by_text("maskBottom").count() == 1, "the address is not written into the page"
    page.locator("#why-method input").click()
    page.get_by_role("option", name="Grad-CAM").click()
    wait_for_query(page, "method", "gradcam")
    page.get_by_label("Lay over the face").click()
    wait_for_query(page, "overlay", "0")
    first.stroke((0.3, 0.3), (0.7, 0.3))
    wait_for_query(page, "mode", "painted")
    first.wait_for_strokes()
    first.tab("Model")
    wait_for_query(page, "tab", "model")

    second = visit()
    again = second.page
    again.goto(page.url)
    again.wait_for_selector(".card-grid", state="visible")
    second.tab("Workbench")
    again.wait_for_selector("#ranks li")
    assert again.locator("#occlusion input:checked").get_attribute("value") == "painted"
    assert second.hidden() == first.hidden()
    assert again.locator("#why-method input").input_value() == "Grad-CAM"
    assert not again.get_by_label("Lay over the face").is_checked()
    for part in ("#found figcaption", "#ranks", "#verdict"):
        assert again.locator(part).text_content() == page.locator(part).text_content()
    assert query(again)["example"] == query(page)["example"]

    second.open_photo(Path("assets/demo/ben-vis.jpg").resolve())
    wait_for_query(again, "example", None)
    assert set(query(again)) <= {"method", "overlay"}, "nothing of a photo is in the address"


def test_files_are_saved_by_the_browser(visitor, tmp_path):
    page = visitor.page
    for panel in ("why", "compare", "sweep", "take"):
        assert page.locator(f"#panel-{panel}").is_hidden(), "nothing is chosen that they could be about"
    page.locator("#examples button").first.click()
    page.wait_for_selector("#ranks li")
    saved = {}
    for title in ("Report (HTML)", "Report (PDF)", "Maps as numbers (NPZ)", "Ranking (JSON)"):
        with page.expect_download() as coming:
            page.get_by_role("button", name=title).click()
        saved[title] = tmp_path / coming.value.suggested_filename
        coming.value.save_as(saved[title])
    said = json.loads(saved["Ranking (JSON)"].read_text(encoding="utf-8"))
    assert [match["person"] for match in said["matches"]] == page.locator("#ranks .name").all_inner_texts()
    assert saved["Report (PDF)"].read_bytes().startswith(b"%PDF")
    report = page.context.new_page()
    asked: list[str] = []
    report.on("request", lambda request: asked.append(request.url))
    report.goto(saved["Report (HTML)"].as_uri())
    assert report.locator("figure img").count() > 10
    assert report.evaluate("[...document.images].every((image) => image.naturalWidth > 0)")
    assert all(url.startswith(("file:", "data:")) for url in asked), "the report needs nobody"
    visitor.page, kept = report, visitor.page
    visitor.screenshot("report")
    visitor.page = kept
