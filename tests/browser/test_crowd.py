"""A photo of several people: everybody is named at once, and any of them is chosen by a click."""

from __future__ import annotations

import pytest

pytestmark = pytest.mark.browser


def test_everybody_is_named_and_another_is_chosen_at_the_box_or_in_the_list(visitor, two_faces, demo):
    page = visitor.page
    visitor.open_photo(two_faces)
    page.wait_for_selector("#crowd li")
    names = [person.name for person in demo[:2]]
    assert page.locator("#crowd .rank").all_inner_texts() == ["1", "2"]
    for place, name in enumerate(names):
        box = page.get_by_role("button", name=f"Face {place + 1}: {name}")
        verdict = box.get_attribute("aria-label").rsplit(", ", 1)[1]
        assert box.locator("i").inner_text() == f"{place + 1} {name}"
        entry = page.locator("#crowd button").nth(place)
        assert name in entry.inner_text()
        assert verdict in entry.inner_text()
    lefts = [box.bounding_box()["x"] for box in page.locator("#found .face-box").all()]
    assert lefts == sorted(lefts)
    areas = [
        box.bounding_box()["width"] * box.bounding_box()["height"] for box in page.locator("#found .face-box").all()
    ]
    largest = areas.index(max(areas))
    assert page.locator("#crowd button").nth(largest).get_attribute("aria-pressed") == "true"
    assert f"number {largest + 1}, the largest, is chosen" in page.locator("#probe-problem").inner_text()
    assert page.locator("#ranks .name").first.inner_text() == names[largest]
    visitor.screenshot("several-faces")
    assert visitor.serious() == []

    page.locator("#crowd button").nth(1 - largest).click()
    page.wait_for_function("name => document.querySelector('#ranks .name').innerText === name", arg=names[1 - largest])
    assert page.locator("#found .face-box").nth(1 - largest).get_attribute("aria-pressed") == "true"
    assert page.locator("#probe-problem .notice").count() == 0
    page.locator("#found .face-box").nth(largest).click()
    page.wait_for_function("name => document.querySelector('#ranks .name').innerText === name", arg=names[largest])
    visitor.check_telephone("several-faces")
