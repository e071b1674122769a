"""What cannot be used is told in the page, and what was there before stays."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image

pytestmark = pytest.mark.browser


def problem(visitor) -> str:
    visitor.page.wait_for_selector("#probe-problem .error")
    return visitor.page.locator("#probe-problem").inner_text()


def test_a_text_file_is_refused_and_the_probe_stays(visitor, demo, tmp_path):
    visitor.open_photo(demo[0].enrolment)
    photo = visitor.page.locator("#found img").get_attribute("src")
    text = tmp_path / "notes.txt"
    text.write_text("no picture")
    visitor.upload(text)
    said = problem(visitor)
    assert "not a readable picture" in said
    assert "previous probe is still shown" in said
    assert visitor.page.locator("#found img").get_attribute("src") == photo
    assert visitor.page.locator("#ranks li").count() == 5
    visitor.screenshot("error")
    visitor.open_photo(demo[1].enrolment)
    visitor.page.wait_for_function("() => !document.querySelector('#probe-problem .error')")


def test_what_holds_no_usable_face_is_told_apart(visitor, tmp_path):
    """One page, since every message replaces the one before."""
    empty, bomb, blank = (tmp_path / name for name in ("empty.jpg", "bomb.png", "blank.png"))
    empty.touch()
    Image.new("1", (10_000, 5_000)).save(bomb)
    Image.fromarray(np.full((300, 300, 3), 140, np.uint8)).save(blank)
    for path, words in ((empty, "is empty"), (bomb, "50 megapixels"), (blank, "No face")):
        visitor.upload(path)
        visitor.page.wait_for_function(
            "words => document.querySelector('#probe-problem .error')?.innerText.includes(words)", arg=words
        )


def test_painting_before_a_photo_does_nothing(visitor):
    visitor.page.get_by_label("maskTop").click()
    visitor.page.wait_for_selector("#probe-problem .notice")
    assert "first" in visitor.page.locator("#probe-problem").inner_text()


def test_a_gallery_of_another_model_is_told_and_has_a_way_out(foreign_server, visit, demo):
    visitor = visit(address=foreign_server)
    page = visitor.page
    visitor.open_photo(demo[0].enrolment)
    page.wait_for_selector("#verdict .problem")
    assert "another-model" in page.locator("#verdict").inner_text()
    assert len(visitor.block_sources()) == 12, "the maps need no gallery"
    visitor.tab("Gallery")
    page.wait_for_selector("#gallery-count .warn")
    visitor.screenshot("another-model")
    page.get_by_role("button", name="Enrol them again").click()
    page.wait_for_selector("#gallery-message .good")
    visitor.tab("Workbench")
    page.wait_for_selector("#ranks li")
    assert page.locator("#ranks .name").inner_text() == demo[0].name
