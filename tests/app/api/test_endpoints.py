"""The endpoints, asked by Gradio's own client through a server with the gate and the login of the real one."""

from __future__ import annotations

import base64
import io
import json
import re
import zipfile
from pathlib import Path

import httpx
import numpy as np
import pytest
import typer
from gradio_client import Client
from gradio_client.exceptions import AppError

from app.api.asked import MOST_PHOTOS
from app.api.offer import NAMES
from app.flags import parse_arguments
from app.kit.demo_people import DemoSet
from app.launch import page_options
from app.page import build_demo
from app.security.passwords import Accounts, add_user
from app.services import Services
from ssn.commands.match import match as match_command
from ssn.gallery.sqlite import Gallery

ROOT = Path(__file__).resolve().parents[3]
EXAMPLE = re.search(r"```python\n(.*?)```", (ROOT / "docs" / "api.md").read_text(encoding="utf-8"), re.S).group(1)
WHO = ("ada", "a long enough password")


@pytest.fixture(scope="module")
def services(recognizer, demo, tmp_path_factory) -> Services:
    folder = tmp_path_factory.mktemp("api")
    with Gallery(folder / "gallery.db", recognizer.model_id) as gallery:
        services = Services(recognizer, gallery, DemoSet())
        for person in demo[1:3]:
            services.enrol(person.name, services.finder.face(person.enrolment, index=0), "test")
        yield services


@pytest.fixture(scope="module")
def address(services, tmp_path_factory):
    """Of a server that asks for a login, and thinks it is behind a proxy at /studio."""
    accounts = tmp_path_factory.mktemp("accounts") / "people"
    add_user(accounts, *WHO)
    flags = parse_arguments(["--root-path", "/studio"])
    page = build_demo(services)
    page.queue(api_open=False)
    page.launch(
        server_name="127.0.0.1",
        auth=Accounts.read(accounts).allow,
        root_path=flags.root_path,
        **page_options(flags, services.check),
    )
    yield f"http://127.0.0.1:{page.server_port}"
    page.close()


@pytest.fixture(scope="module")
def client(address) -> Client:
    opened = Client(address, auth=WHO, download_files=False, analytics_enabled=False, verbose=False)
    yield opened
    opened.close()


def picture(path) -> str:
    return base64.b64encode(Path(path).read_bytes()).decode()


def test_nobody_is_let_in_without_the_login(address):
    with pytest.raises(Exception, match=r"401|auth|credentials"):
        Client(address, download_files=False, analytics_enabled=False, verbose=False)


@pytest.mark.parametrize("path", ["/healthz", "/studio/healthz", "/livez", "/studio/livez"])
def test_health_is_told_to_everybody_also_under_the_path_of_a_proxy(address, path):
    assert httpx.get(address + path).status_code == 200


def test_every_endpoint_is_named_and_documented_and_nothing_else_is(client):
    told = client.view_api(return_format="dict", print_info=False)
    assert set(told["named_endpoints"]) == {f"/{name}" for name in NAMES}
    assert all(endpoint["description"] for endpoint in told["named_endpoints"].values())
    assert told["unnamed_endpoints"] == {}


def test_match_says_what_the_command_says(client, services, demo, tmp_path):
    probes = [demo[1].enrolment, demo[2].probes[0].file]
    bad = tmp_path / "bad.png"
    bad.write_bytes(b"no picture")
    answers = client.predict(
        photos=[picture(path) for path in [*probes, bad]], k=2, occlusion="maskTop", api_name="/match"
    )
    file = tmp_path / "said.json"
    with pytest.raises(typer.Exit) as left:  # for the bad one
        match_command(
            photos=[*probes, bad],
            gallery=str(services.gallery.path),
            k=2,
            occlusion="maskTop",
            json_file=str(file),
        )
    assert left.value.exit_code == 2
    said = json.loads(file.read_text())
    assert [answer["photo"] for answer in answers] == [0, 1, 2]
    for answer, row in zip(answers, said, strict=True):
        assert answer.get("error") == row.get("error")
        assert answer.get("face") == row.get("face")
        assert answer.get("covered") == pytest.approx(row.get("covered"), abs=1e-3)
        for mine, theirs in zip(answer["matches"], row["matches"], strict=True):
            assert mine.pop("score") == pytest.approx(theirs.pop("score"), abs=1e-6)
            assert mine["person"] == theirs["person"]
    assert "not a readable picture" in answers[2]["error"]
    assert answers[0]["matches"][0]["person"] == demo[1].name


def test_what_covers_a_face_is_told_besides_what_is_hidden(client, demo):
    """Of people drawn with a mask before the mouth, by the network that looks for covers."""
    worn = [probe.file for person in demo for probe in person.probes if probe.occlusion in ("surgical", "scarf")][:3]
    seen, hidden = (
        client.predict(
            photos=[picture(path) for path in worn], spectrum="nir-simulated", occlusion=occlusion, api_name="/match"
        )
        for occlusion in ("none", "maskBottom")
    )
    assert len(seen) == len(worn) > 0
    for plain, below in zip(seen, hidden, strict=True):
        assert 0.1 < plain["covered"] < 0.6
        assert below["covered"] < 0.5 * plain["covered"]


def test_the_example_of_the_document_runs(address, services, monkeypatch, capsys):
    monkeypatch.chdir(ROOT)
    monkeypatch.setenv("SSN_STUDIO", address)
    code = EXAMPLE.replace('# auth=("name", "password"),', f"auth={WHO!r},  #")
    assert code != EXAMPLE
    exec(compile(code, "docs/api.md", "exec"), {})
    said = capsys.readouterr().out
    assert "Ada Example is enrolled" in said
    assert "assets/demo/ada-nir-1.jpg 1 Ada Example" in said
    assert "3 people" in said
    assert "256 numbers" in said
    assert "this map is" in said
    assert "refused: There is no photo." in said
    person = services.gallery.person("Ada Example")
    assert person is not None
    services.delete("person", person.id)


def test_a_photo_enrolled_twice_counts_once_and_a_name_in_another_case_is_asked_about(client, services, demo):
    sent = picture(demo[0].enrolment)
    first, again = (client.predict(photo=sent, name="Zoe", api_name="/enrol") for _ in range(2))
    assert (first["already"], again["already"]) == (False, True)
    assert first["quality"]["eyes"] > 0
    assert first["face"]["of"] == 1
    with pytest.raises(AppError, match="upper and lower case"):
        client.predict(photo=sent, name="ZOE", api_name="/enrol")
    person = services.gallery.person("Zoe")
    assert person.templates == 1
    services.delete("person", person.id)


def test_compare_and_embed_agree_with_each_other(client, demo):
    first, second = picture(demo[1].enrolment), picture(demo[1].probes[0].file)
    pair = client.predict(photo=first, against=second, api_name="/compare")
    rows = client.predict(photos=[first, second, "%%%"], api_name="/embed")
    vectors = [np.array(row["vector"]) for row in rows["templates"]]
    assert pair["score"] == pytest.approx(float(vectors[0] @ vectors[1]), abs=1e-5)
    assert [row["photo"] for row in rows["refused"]] == [2]
    assert "base64" in rows["refused"][0]["reason"]


def test_explain_gives_a_map_whose_regions_add_up(client, demo):
    answer = client.predict(
        photo=picture(demo[1].enrolment), person=demo[1].name, method="gradcam", api_name="/explain"
    )
    row = answer["methods"]["gradcam"]
    assert np.array(row["map"]).shape == (128, 128)
    assert sum(row["regions"].values()) == pytest.approx(np.sum(row["map"]), abs=0.05)
    assert answer["against"] == demo[1].name


def test_a_gallery_is_looked_after_as_on_the_command_line(client, services, demo):
    def ask(what: str, **given) -> dict:
        return client.predict(**given, api_name=f"/{what}")

    before = ask("people")["people"]
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        archive.write(demo[3].enrolment, "مريم/a.jpg")
        archive.write(demo[4].enrolment, "李雷.jpg")
        archive.writestr("../evil.jpg", b"")
    sent = base64.b64encode(file.getvalue()).decode()
    first, again = (ask("enrol_many", file=sent) for _ in range(2))
    assert [len(first[key]) for key in ("enrolled", "refused", "skipped", "already")] == [2, 0, 1, 0]
    assert all(row["quality"]["hidden"] < 0.5 for row in first["enrolled"])
    assert len(again["already"]) == 2
    (template,) = ask("templates", name="مريم")["templates"]
    assert template["origin"] == "a.jpg"
    assert ask("rename", name="مريم", new_name="Ma  ria") == {"old": "مريم", "new": "Ma ria"}
    assert ask("note", name="Ma ria", text="tall")["notes"] == "tall"
    assert ask("move", template=template["template"], name="李雷") == {
        "template": template["template"],
        "person": "李雷",
    }
    undone = [ask("undo", number=ask("changes")["changes"][0]["number"])["undone"]["kind"] for _ in range(2)]
    assert undone == ["move", "notes"]
    assert ask("merge", name="Ma ria", into="李雷") == {"merged": "Ma ria", "into": "李雷"}
    assert len(ask("templates", name="李雷")["templates"]) == 2
    assert ask("verify")["sound"]
    assert ask("stats")["people"] == len(before) + 1
    exported = ask("export")
    assert ask("import", file=exported["file"])["already"] == exported["templates"] == len(before) + 2
    assert ask("re_embed") == {
        "model": services.recognizer.model_id,
        "added": 0,
        "refused": [],
        "left": 0,
        "dropped": 0,
    }
    assert "李雷" in ask("delete", name="李雷")["deleted"]
    assert ask("people")["people"] == before
    assert ask("changes") == {"changes": []}


@pytest.mark.parametrize(
    ("endpoint", "sent", "words"),
    [
        ("/match", {"photos": []}, "1 to 64"),
        ("/match", {"photos": ["a"] * (MOST_PHOTOS + 1)}, "1 to 64"),
        ("/match", {"photos": ["a"], "k": "five"}, "k is no int"),
        ("/match", {"photos": ["a"], "k": True}, "k is no int"),
        ("/match", {"photos": ["a"], "k": 0}, "counted from 1"),
        ("/match", {"photos": ["a"], "rate": 2.0}, "no rate"),
        ("/match", {"photos": ["a"], "spectrum": "x-ray"}, "no spectrum"),
        ("/embed", {"photos": ["a"], "occlusion": "hat"}, "no occlusion"),
        ("/enrol", {"photo": 5, "name": "Ada"}, "There is no photo"),
        ("/enrol", {"photo": "aaaa", "name": "  "}, "name"),
        ("/explain", {"photo": "aaaa"}, "not clear"),
        ("/explain", {"photo": "aaaa", "person": "Nobody"}, "Nobody called Nobody"),
        ("/explain", {"photo": "aaaa", "person": "Nobody", "method": "tarot"}, "no method"),
        ("/compare", {"photo": "aaaa", "against": "aaaa"}, "not a readable picture"),
        ("/enrol_many", {"file": "aaaa"}, "no readable ZIP"),
        ("/enrol_many", {"file": 5}, "There is no file"),
        ("/enrol_many", {"file": "aaaa", "spectrum": "x-ray"}, "no spectrum"),
        ("/rename", {"name": "Nobody", "new_name": "Ada"}, "Nobody is enrolled as"),
        ("/rename", {"name": None, "new_name": "Ada"}, "There is no name"),
        ("/move", {"template": True, "name": "Ada"}, "template is no int"),
        ("/delete", {}, "of a person or of a template"),
        ("/import", {"file": "aaaa"}, "damaged, or no exported gallery"),
    ],
)
def test_what_is_wrong_arrives_in_words_and_in_no_log(client, endpoint, sent, words, capfd):
    with pytest.raises(AppError, match=words):
        client.predict(**sent, api_name=endpoint)
    assert capfd.readouterr().err == ""
