"""What is dropped or pasted beside a photo's own place: other files on theirs, photos on tabs that take none, pictures
written out in text, and text that comes with a picture of itself."""

from __future__ import annotations

import base64
import io
import zipfile

import pytest

from tests.browser.test_doors import GIVE, as_file, give, wait_for_name

pytestmark = pytest.mark.browser

NAME = "#enrol-name textarea, #enrol-name input"


def said(page, where: str, words: str) -> None:
    page.wait_for_function(
        "([where, words]) => document.querySelector(where).innerText.includes(words)", arg=[where, words]
    )


def packed() -> list[str]:
    """A ZIP file of one photo that is none: other tests' gallery stays as it is."""
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w") as archive:
        archive.writestr("Zed Packed/a.jpg", b"no picture")
    return ["people.zip", "application/zip", base64.b64encode(content.getvalue()).decode()]


def test_another_file_is_dropped_on_its_own_place(visitor):
    page = visitor.page
    visitor.tab("Gallery")
    place = "#many-input label"
    page.wait_for_selector(place)
    file = packed()
    for how in ("dragover", "drop"):
        assert page.evaluate(GIVE, [how, place, [file], []]), "the browser would leave the page"
    said(page, "#many-status", "1 refused")
    assert page.locator("#enrol-problem .notice").count() == 0, "it is no photo for the panel beside"
    for files, texts, words in (
        ([file, file], [], "2 files"),
        ([], [("text/plain", "people.zip")], "no file in that"),
        ([], [], "no file in that"),
    ):
        page.evaluate(GIVE, ["drop", place, files, texts])
        said(page, "#many-input .probe-status", words)
    assert page.locator("#enrol-input .probe-status").inner_text() == ""
    page.evaluate(GIVE, ["drop", "#care-import label", [file], []])
    page.wait_for_selector("#care-message .error")


@pytest.mark.parametrize("tab", ["Live", "Evaluation", "Model"])
def test_a_photo_on_a_tab_that_takes_none_is_answered(visitor, demo, tab):
    page = visitor.page
    visitor.tab(tab)
    page.wait_for_function("() => !document.querySelector('#probe-input').checkVisibility()")
    for how in ("drop", "paste"):
        page.locator("#masthead").click()
        page.wait_for_function("() => document.querySelector('.elsewhere').innerText === ''")
        assert give(page, how, "body", [demo[0].enrolment])
        said(page, ".elsewhere", "Give it to the Workbench or the Gallery")
    visitor.tab("Workbench")
    page.wait_for_selector("#probe-input .probe-drop")
    give(page, "drop", "#masthead", [demo[0].enrolment])
    wait_for_name(page, demo[0].name)
    assert page.locator(".elsewhere").inner_text() == ""


def test_a_picture_that_is_written_out_in_text_is_taken(visitor, demo):
    page = visitor.page
    for place, wrap in enumerate(("{}", " {}\n", '<p>See <img alt="me" src="{}"></p>')):
        kind = "text/html" if "<" in wrap else "text/plain"
        written = f"data:image/jpeg;base64,{as_file(demo[place].enrolment)[2]}"
        assert give(page, "paste", "body", texts=[(kind, wrap.format(written))])
        wait_for_name(page, demo[place].name)


@pytest.mark.parametrize(
    ("kind", "text"),
    [
        ("text/html", '<img src="https://example.org/a.jpg">'),
        ("text/html", '<img src="data:image/png;base64,AAAA">'),
        ("text/plain", "www.example.org/a.jpg"),
        ("text/plain", "/home/ada/a.jpg"),
        ("text/plain", "C:\\Users\\ada\\a.jpg"),
        ("text/plain", "blob:https://example.org/1"),
        ("text/x-moz-url", "https://example.org/a.jpg\na"),
    ],
)
def test_what_only_says_where_a_picture_is_is_a_link(visitor, kind, text):
    page = visitor.page
    assert give(page, "paste", "body", texts=[(kind, text)])
    said(page, "#probe-input .probe-status", "That is a link")
    assert page.locator("#found .photo").count() == 0


def test_text_with_a_picture_of_itself_goes_to_the_field(visitor, demo):
    """As a table or a document copies it. A picture alone is one for the page."""
    page = visitor.page
    visitor.tab("Gallery")
    page.wait_for_selector(NAME)
    assert not give(page, "paste", NAME, [demo[0].enrolment], [("text/plain", "Ada")])
    assert page.locator("#enrol-found .photo").count() == 0
    assert give(page, "paste", NAME, [demo[0].enrolment])
    page.wait_for_selector("#enrol-found .photo img")
