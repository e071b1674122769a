"""A gallery on a disk without any room: it can be read, nothing is lost, and what is wrong is said."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
STORY = """
import contextlib
import sys
from pathlib import Path
from ssn.errors import GalleryError
from ssn.gallery.archive import export_gallery
from ssn.gallery.sqlite import Gallery
from tests.gallery.templates import MODEL, template

folder = Path(sys.argv[1])
path = folder / "g.db"
def refused(act):
    try:
        act()
    except GalleryError as error:
        assert "is full" in str(error) or "another place" in str(error), str(error)
    else:
        raise AssertionError("it was done")
def fill():
    with (folder / "fill").open("wb", buffering=0) as file, contextlib.suppress(OSError):
        while file.write(bytes(1024)):
            pass

with Gallery(path, MODEL) as gallery:
    for seed in range(5):
        gallery.enrol(f"P{seed}", template(seed))
    fill()
    ann = gallery.person("P1").id
    refused(lambda: [gallery.enrol("Q", template(9), bytes(3000)) for _ in range(500)])
    refused(lambda: [gallery.set_notes(ann, f"{n} " * 900) for n in range(500)])
    seen = [(person.name, person.stored) for person in gallery.people()]
    assert gallery.search(template(1), 1)[0].person == "P1"
(folder / "fill").unlink()
with Gallery(path, MODEL) as gallery:
    assert [(person.name, person.stored) for person in gallery.people()] == seen
fill()
with Gallery(path, MODEL) as gallery:
    assert gallery.search(template(3), 1)[0].person == "P3"
    refused(lambda: gallery.rename(gallery.person("P1").id, "Ann"))
    refused(lambda: gallery.delete_person(gallery.person("P1").id))
    refused(lambda: export_gallery(gallery, folder / "x.zip"))
refused(lambda: Gallery(folder / "new.db", MODEL))
(folder / "fill").unlink()
with Gallery(path, MODEL) as gallery:
    gallery.rename(gallery.person("P1").id, "Ann")
    assert gallery._rows("PRAGMA integrity_check") == [("ok",)]
print("told")
"""


def test_a_full_disk_is_told_and_loses_nothing(tmp_path):
    mount = f"mount -t tmpfs -o size=900k none '{tmp_path}'"
    apart = ["unshare", "--user", "--map-root-user", "--mount", "sh", "-c"]
    if shutil.which("unshare") is None or subprocess.run([*apart, mount], capture_output=True).returncode:
        pytest.skip("this machine makes no small disk for a test")
    (tmp_path.parent / "story.py").write_text(STORY)
    story = f"{mount} && PYTHONPATH='{ROOT}' exec '{sys.executable}' '{tmp_path.parent}/story.py' '{tmp_path}'"
    done = subprocess.run([*apart, story], capture_output=True, text=True)
    assert (done.stdout, done.returncode) == ("told\n", 0), done.stderr
