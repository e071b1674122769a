"""The entry point: its flags, and errors of the user's making as one line with status 2 that blames the right thing."""

from __future__ import annotations

import contextlib
import errno
import io
import socket
import subprocess
import sys
from pathlib import Path

import gradio as gr
import pytest
from gradio_client import Client

from app import launch as entry
from app.launch import THIS_MACHINE, in_words
from app.security.passwords import Accounts
from app.services import Services

REPOSITORY = Path(__file__).resolve().parents[2]


@pytest.fixture(autouse=True)
def untouched_environment(monkeypatch):
    for name in (*entry.ENVIRONMENT, "no_proxy", "NO_PROXY"):
        monkeypatch.setenv(name, "")


@pytest.fixture
def port() -> int:
    """A free one."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def refused(capsys, *flags: str) -> str:
    assert entry.main(list(flags)) == 2
    said = capsys.readouterr().err
    assert said.startswith("error: ")
    assert said.count("\n") == 1
    return said


def test_help_tells_every_flag(capsys):
    with pytest.raises(SystemExit) as left:
        entry.main(["--help"])
    assert left.value.code == 0
    said = capsys.readouterr().out
    doors = ("--host", "--port", "--auth", "--add-user", "--open", "--root-path", "--origin")
    for flag in (*doors, "--checkpoint", "--beside", "--gallery", "--device", "--precision"):
        assert flag in said


def test_probes_are_looked_at_in_whatever_the_machine_is_fastest_in():
    assert entry.parse_arguments([]).precision == "auto"
    assert entry.parse_arguments(["--precision", "float32"]).precision == "float32"


def test_it_listens_on_this_machine_only_unless_told_otherwise():
    assert entry.parse_arguments([]).host == "127.0.0.1"


@pytest.mark.parametrize("flag", ["--checkpoint", "--beside"])
@pytest.mark.parametrize("content", [None, b"no weights"])
def test_a_checkpoint_that_does_not_fit_is_one_line(capsys, tmp_path, checkpoint, flag, content, port):
    path = tmp_path / "weights.safetensors"
    if content is not None:
        path.write_bytes(content)
    flags = [
        "--checkpoint",
        str(checkpoint),
        flag,
        str(path),
        "--gallery",
        str(tmp_path / "g.db"),
        "--device",
        "cpu",
        "--port",
        str(port),
    ]
    assert entry.main(flags) == 2
    said = capsys.readouterr().err
    assert said.startswith("error: ")
    assert "weights.safetensors" in said
    assert said.count("\n") == 1
    assert not (tmp_path / "g.db").exists()


def test_a_gallery_that_cannot_be_opened_is_one_line(capsys, checkpoint, tmp_path, port):
    path = tmp_path / "gallery.db"
    path.write_bytes(b"no database, but long enough to look at" * 30)
    flags = ["--checkpoint", str(checkpoint), "--gallery", str(path), "--device", "cpu", "--port", str(port)]
    assert entry.main(flags) == 2
    assert "cannot be opened as a gallery" in capsys.readouterr().err


def test_a_port_in_use_is_blamed_on_the_port(capsys):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        said = refused(capsys, "--port", str(taken.getsockname()[1]))
    assert "Choose another --port" in said


@pytest.mark.parametrize("port", ["0", "70000", "-1", "http"])
def test_what_is_no_port_is_refused_with_the_flags(capsys, port):
    with pytest.raises(SystemExit) as left:
        entry.main(["--port", port])
    assert left.value.code == 2
    assert "--port" in capsys.readouterr().err


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.0.2.1", "studio.example.org"])
def test_another_address_asks_for_a_password_or_a_word(capsys, port, host):
    said = refused(capsys, "--host", host, "--port", str(port))
    assert "--auth FILE" in said
    assert "--open" in said
    assert host in said


@pytest.mark.parametrize("host", THIS_MACHINE)
def test_this_machine_itself_needs_neither(host):
    entry.check_door(entry.parse_arguments(["--host", host]))


def test_a_password_and_none_are_not_asked_for_at_once(capsys, tmp_path):
    assert "Choose one" in refused(capsys, "--open", "--auth", str(tmp_path / "people"))


def test_a_user_is_added_from_the_command_line(capsys, tmp_path, monkeypatch):
    path = tmp_path / "people"
    monkeypatch.setattr(sys, "stdin", io.StringIO("correct horse battery\n"))
    assert entry.main(["--auth", str(path), "--add-user", "ada"]) == 0
    assert "ada may come in" in capsys.readouterr().out
    assert list(Accounts.read(path).people) == ["ada"]
    monkeypatch.setattr(sys, "stdin", io.StringIO("short\n"))
    assert "too short" in refused(capsys, "--auth", str(path), "--add-user", "bob")
    assert "--auth FILE" in refused(capsys, "--add-user", "ada")


@pytest.mark.parametrize("content", [None, "", "ada:password\n"])
def test_a_file_of_passwords_that_lets_nobody_in_stops_the_start(capsys, tmp_path, port, content):
    path = tmp_path / "people"
    if content is not None:
        path.write_text(content)
    assert "people" in refused(capsys, "--auth", str(path), "--port", str(port))


@pytest.mark.parametrize(
    ("text", "path"), [("", ""), ("/", ""), ("/studio/", "/studio"), ("https://a.org/b/", "https://a.org/b")]
)
def test_a_sub_path_is_read(text, path):
    assert entry.parse_arguments(["--root-path", text]).root_path == path


@pytest.mark.parametrize(
    "flags", [["--root-path", "studio"], ["--root-path", "//a"], ["--origin", "a.org"], ["--origin", "https://a.org/b"]]
)
def test_what_is_no_path_or_address_is_refused(flags):
    with pytest.raises(SystemExit):
        entry.parse_arguments(flags)


@pytest.mark.parametrize(
    ("flags", "root"),
    [
        ([], ""),
        (["--root-path", "/studio"], "/studio"),
        (["--root-path", "/studio", "--origin", "https://A.org"], "https://a.org/studio"),
        (["--root-path", "/studio", "--origin", "https://a.org", "--origin", "https://b.org"], "/studio"),
        (["--root-path", "https://c.org/b", "--origin", "https://a.org"], "https://c.org/b"),
        (["--origin", "https://a.org"], ""),
    ],
)
def test_a_path_is_completed_by_the_address_of_the_proxy(flags, root):
    assert entry.root_of(entry.parse_arguments(flags)) == root


def test_the_page_of_a_proxy_may_ask():
    flags = entry.parse_arguments(["--root-path", "https://A.org/b", "--origin", "http://c.org:8080/"])
    rules = entry.page_options(flags, lambda: None)["app_kwargs"]["middleware"][0].kwargs["rules"]
    assert rules.origins == {"https://a.org", "http://c.org:8080"}
    assert rules.behind == "/b"
    assert rules.hosts is not None


@pytest.mark.parametrize(
    ("flags", "names", "login"),
    [
        ([], {"127.0.0.1", "localhost", "::1"}, False),
        (["--host", "0.0.0.0", "--auth", "people"], None, True),
        (["--host", "0.0.0.0", "--open"], {"localhost", socket.gethostname().lower()}, False),
    ],
)
def test_an_address_without_a_login_is_not_asked_by_foreign_names(flags, names, login):
    flags = entry.parse_arguments(flags)
    rules = entry.page_options(flags, lambda: None)["app_kwargs"]["middleware"][0].kwargs["rules"]
    assert (rules.hosts is None) == (names is None)
    assert (names or set()) <= (rules.hosts or set())
    assert rules.login == login
    assert rules.numbers == bool(flags.open or flags.auth)


def test_a_host_of_another_machine_is_blamed_on_the_host(capsys, port):
    said = refused(capsys, "--host", "192.0.2.1", "--port", str(port), "--open")
    assert "--host" in said
    assert "--port" not in said


def test_a_missing_asset_is_not_blamed_on_the_port(capsys, port, tmp_path, monkeypatch):
    monkeypatch.setattr(entry, "ASSETS", tmp_path)
    said = refused(capsys, "--port", str(port))
    assert "style.css is missing" in said
    assert "release" in said
    assert "--port" not in said


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (OSError(errno.ENOSPC, "No space left on device", "/x/g.db"), "disk is full"),
        (PermissionError(errno.EACCES, "Permission denied", "/x/g.db"), "permissions"),
        (FileNotFoundError(errno.ENOENT, "No such file", "/x/g.db"), "/x/g.db is missing"),
        (OSError("odd"), "odd"),
    ],
)
def test_errors_of_the_system_are_told_by_what_they_are_about(capsys, monkeypatch, port, error, words):
    def fail(*_, **__):
        raise error

    monkeypatch.setattr(Services, "open", fail)
    said = refused(capsys, "--port", str(port))
    assert words in said
    assert "--port" not in said
    assert words in in_words(error)


@pytest.mark.parametrize(
    "error", [MemoryError(), RuntimeError("DefaultCPUAllocator: can't allocate memory: you tried to allocate 9 bytes.")]
)
def test_a_machine_without_memory_is_told(capsys, monkeypatch, port, error):
    def fail(*_, **__):
        raise error

    monkeypatch.setattr(Services, "open", fail)
    assert "not enough memory" in refused(capsys, "--port", str(port))
    if isinstance(error, MemoryError):
        monkeypatch.setattr(entry, "serve", fail)  # as while it is read from the disk
        assert "not enough memory" in refused(capsys, "--port", str(port))


def test_only_a_page_open_to_others_says_so():
    assert "delete" in entry.OPEN_TO_ALL
    assert "127.0.0.1" in entry.THIS_MACHINE
    assert "0.0.0.0" not in entry.THIS_MACHINE


def test_gradio_takes_no_notes_of_what_is_asked(monkeypatch):
    for name, value in entry.ENVIRONMENT.items():
        monkeypatch.setenv(name, value)
    with gr.Blocks() as page:
        said = gr.Textbox()
        gr.Button().click(str.upper, said, said, api_name="shout")
    page.launch(server_name="127.0.0.1", quiet=True, prevent_thread_lock=True, run_history=False)
    try:
        asking = Client(page.local_url, download_files=False, analytics_enabled=False, verbose=False)
        with contextlib.closing(asking) as client:
            assert [client.predict(word, api_name="/shout") for word in "abc"] == ["A", "B", "C"]
    finally:
        page.close()
    assert len(page._queue.event_analytics) <= 1
    assert page._queue.cached_event_analytics_summary == {"functions": {}}


def test_it_starts_from_any_folder(tmp_path):
    command = [sys.executable, str(REPOSITORY / "app.py"), "--help"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    assert "--checkpoint" in done.stdout


def test_pillow_is_not_imported_before_its_environment_is_set():
    asked = "import sys, app.launch; sys.exit('PIL.Image' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", asked], cwd=REPOSITORY).returncode == 0
    assert "PILLOW_BLOCK_SIZE" in entry.ENVIRONMENT
