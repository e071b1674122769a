"""Enrolling and deleting through the page."""

from __future__ import annotations

import zipfile

import pytest

pytestmark = pytest.mark.browser

NAME = "Zoë <b>O'Test</b>"


def test_enrol_find_and_delete_a_person(visitor, demo):
    page = visitor.page
    stranger = demo[-1]
    visitor.open_photo(stranger.enrolment)
    visitor.tab("Gallery")
    page.wait_for_selector("#people button")
    count = page.locator("#people button").count()

    page.get_by_role("button", name="Enrol", exact=True).click()
    page.wait_for_selector("#enrol-problem .warn")
    visitor.upload(stranger.enrolment, "#enrol-input")
    page.wait_for_selector("#enrol-found .photo")
    page.get_by_role("button", name="Enrol", exact=True).click()
    page.wait_for_selector("#enrol-problem .error")
    assert "name" in page.locator("#enrol-problem").inner_text(), "a name is asked for, the photo stays"
    page.locator("#enrol-name textarea, #enrol-name input").fill(NAME)
    page.get_by_role("button", name="Enrol", exact=True).click()
    page.wait_for_selector("#enrol-problem .good")
    assert page.locator("#people button").count() == count + 1
    assert page.locator("#person-details h3").inner_text() == NAME
    visitor.screenshot("gallery")

    visitor.tab("Workbench")
    page.wait_for_function("name => document.querySelector('#ranks .name')?.innerText === name", arg=NAME)

    visitor.tab("Gallery")
    page.get_by_role("button", name="Delete this person").click()
    page.get_by_role("button", name="Keep").click()
    page.wait_for_selector("#confirm-delete", state="hidden")
    assert page.locator("#people button").count() == count + 1
    page.get_by_role("button", name="Delete this person").click()
    visitor.screenshot("confirm")
    page.get_by_role("button", name="Delete", exact=True).click()
    page.wait_for_selector("#gallery-message .good")
    assert page.locator("#people button").count() == count
    assert NAME not in page.locator("#people").inner_text()


def test_people_can_be_searched(visitor, demo):
    visitor.tab("Gallery")
    visitor.page.wait_for_selector("#people button")
    visitor.page.locator("#people-search textarea, #people-search input").fill(demo[0].name.lower())
    visitor.page.wait_for_function("() => document.querySelectorAll('#people button').length === 1")
    assert demo[0].name in visitor.page.locator("#people").inner_text()


def test_the_model_tab_states_what_is_loaded(visitor):
    visitor.tab("Model")
    card = visitor.page.locator("#model-card")
    card.wait_for()
    text = card.inner_text()
    for word in ("light-cnn-29-v2", "FMR 0.1 %", "dlib", "cpu"):
        assert word in text
    visitor.screenshot("model")


def test_a_zip_of_photos_is_enrolled_with_a_line_for_each_and_undone(visitor, demo, tmp_path):
    page = visitor.page
    visitor.tab("Gallery")
    page.wait_for_selector("#people button")
    count = page.locator("#people button").count()
    with zipfile.ZipFile(tmp_path / "people.zip", "w") as archive:
        archive.write(demo[-1].enrolment, "حلا 🙂/photo.jpg")
        archive.writestr("people.txt", "no photo")
    page.set_input_files("#many-input input[type=file]", str(tmp_path / "people.zip"))
    page.wait_for_selector("#many-status a.download")
    lines = page.locator("#many-status li").all_inner_texts()
    assert [("skipped" in line, "enrolled" in line) for line in lines] == [(True, False), (False, True)]
    assert "px between the eyes" in lines[1]
    assert "% hidden" in lines[1]
    visitor.screenshot("gallery-many")
    page.wait_for_function("count => document.querySelectorAll('#people button').length === count + 1", arg=count)
    assert "حلا 🙂" in page.locator("#people").inner_text()
    page.get_by_role("button", name="Undo", exact=True).click()
    page.wait_for_function("count => document.querySelectorAll('#people button').length === count", arg=count)
