"""Who may ask: by what names, from which pages, and for what."""

from __future__ import annotations

import pytest

from app.security.rules import Rules
from tests.app.security.asking import HERE, JOIN, ask


@pytest.mark.parametrize(
    "origin",
    [
        *("http://evil.example", "null", "http://localhost:9999", "https://localhost.evil.example", ""),
        *("http://[", "[::1", "http://localhost:7860@evil.example", "file://", "chrome-extension://localhost"),
    ],
)
def test_another_page_may_not_ask(origin):
    for method in ("GET", "POST"):
        answer = ask(JOIN, method=method, headers={"Origin": origin})
        assert answer.status_code == 403
        assert "access-control-allow-origin" not in answer.headers


@pytest.mark.parametrize("origin", [None, HERE, "https://studio.example.org"])
def test_its_own_page_and_a_named_proxy_may_ask(origin):
    rules = Rules(origins=frozenset({"https://studio.example.org"}))
    headers = {} if origin is None else {"Origin": origin}
    assert ask(JOIN, rules, "POST", headers=headers, json={"session_hash": "a"}).status_code == 200


FOREIGN = (
    "evil.example",
    "evil.example:7860",
    "127.0.0.1.evil.example",
    "",
    "[",
    "]",
    "[::1",
    "localhost@evil.example",
)


@pytest.mark.parametrize("host", FOREIGN)
def test_a_foreign_name_that_points_here_is_refused(host):
    assert ask(headers={"Host": host}).status_code == 403


@pytest.mark.parametrize("host", ["127.0.0.1:7860", "localhost", "[::1]:7860", "studio.example.org"])
def test_its_own_names_are_answered(host):
    assert (
        ask(rules=Rules(origins=frozenset({"https://studio.example.org"})), headers={"Host": host}).status_code == 200
    )


def test_an_address_with_a_login_has_any_name():
    assert ask(rules=Rules(hosts=None), headers={"Host": "anything.example"}).status_code == 200


@pytest.mark.parametrize(
    ("host", "status"),
    [
        *(("192.168.0.7:7860", 200), ("[fe80::1]:7860", 200), ("localhost", 200), ("studio.lan", 200)),
        *(("evil.example", 403), ("192.168.0.7.evil.example", 403), ("1", 403), ("", 403)),
    ],
)
def test_an_address_open_to_all_is_asked_by_its_numbers_and_its_own_names(host, status):
    """A browser that went to a foreign name holds no login that would have to be guessed."""
    rules = Rules(hosts=frozenset({"localhost", "studio.lan"}), numbers=True)
    assert ask(rules=rules, headers={"Host": host, "Origin": f"http://{host}"}).status_code == status


@pytest.mark.parametrize(("number", "status"), [(3, 200), (None, 200), (99, 400), (-1, 400), ("3", 400), ([3], 400)])
def test_what_is_not_on_the_page_cannot_be_asked_for(number, status):
    asked = {"data": [], "fn_index": number, "session_hash": "page"}
    answer = ask(JOIN, Rules(events=frozenset({3, 4})), "POST", json=asked)
    assert answer.status_code == status
    assert ("Load it anew" in answer.text) == (status == 400)
    assert ask(JOIN, Rules(), "POST", json=asked).status_code == 200
