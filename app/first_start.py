"""The gallery a process starts with: where it lies, and the demo people of a new one."""

from __future__ import annotations

import contextlib
import errno
import hashlib
import os
import re
import secrets
import sys
import time
from pathlib import Path

from app.kit.demo_faces import read_ready_faces
from app.kit.demo_people import DemoSet
from ssn.errors import DataError, GalleryError
from ssn.faces.finder import shared_finder
from ssn.gallery.exact import ExactIndex
from ssn.gallery.registry import MakeIndex
from ssn.gallery.sqlite import Gallery
from ssn.gallery.stored_face import picture_of
from ssn.recognizer import Recognizer, Template

DEMO_ORIGIN = "demo set (synthetic)"
LEFTOVER_SECONDS = 3600.0
"""After this time a gallery under construction belongs to a process that was killed."""


def data_folder() -> Path:
    """Where this user's galleries live: the platform's usual place for application data. Raises DataError for a user
    without a home, such as a number in a container."""
    try:
        if sys.platform == "win32":
            base = Path(os.environ.get("LOCALAPPDATA") or Path.home() / "AppData" / "Local")
        elif sys.platform == "darwin":
            base = Path.home() / "Library" / "Application Support"
        else:
            base = Path(os.environ.get("XDG_DATA_HOME") or Path.home() / ".local" / "share")
    except RuntimeError as error:
        raise DataError("This user has no home folder.", "Name a file with --gallery, or set HOME.") from error
    return base / "ssn-studio"


def default_gallery(model_id: str) -> Path:
    """One gallery file a model, since templates of two models cannot be compared. A model's id comes from its file and
    may hold anything; the gallery stays in the data folder, under the id itself where that is a plain file name."""
    name = re.sub(r"[^\w.-]", "_", model_id).lstrip(".")[:80]
    if name != model_id:
        name += "-" + hashlib.sha256(model_id.encode("utf-8", "replace")).hexdigest()[:8]
    return data_folder() / f"{name}.db"


def open_gallery(
    path: str | Path, recognizer: Recognizer, people: DemoSet, make_index: MakeIndex = ExactIndex
) -> Gallery:
    """The gallery of a path. A new one is filled under a name of its own and takes its place when complete: a kill at
    the first start leaves none behind, and of two first starts at once the later one opens what the earlier made.
    ``make_index`` is what it is searched with.

    Raises GalleryError, and the errors of reading the demo photos.
    """
    if str(path) == ":memory:":
        gallery = Gallery(path, recognizer.model_id, recognizer.device, make_index)
        _fill(gallery, recognizer, people)
        return gallery
    path = Path(path)
    if not path.exists():
        building = path.with_name(f"{path.name}.{os.getpid()}-{secrets.token_hex(4)}.part")
        try:
            _fill_and_close(Gallery(building, recognizer.model_id, recognizer.device), recognizer, people)
            _take_place(building, path)
        except OSError as error:
            raise GalleryError(
                f"The gallery {path} cannot be made ({error.strerror}).",
                "Free some space, or choose another --gallery.",
            ) from error
        except GalleryError as error:  # by the name that was asked for
            raise GalleryError(error.what.replace(str(building), str(path)), error.hint) from error
        finally:
            _remove(building)
        _remove_leftovers(path)
    return Gallery(path, recognizer.model_id, recognizer.device, make_index)


def _fill(gallery: Gallery, recognizer: Recognizer, people: DemoSet) -> None:
    """Enrol the demo people: with the faces and templates that were made ahead, where they are of these photos and of
    this model."""
    ready, faces = read_ready_faces(), []
    for person in people.people:
        known = ready.face(person.enrolment)
        faces.append(known or shared_finder(recognizer.device).face(person.enrolment, index=0))
    templates = [ready.template(person.enrolment, recognizer.model_id) for person in people.people]
    if unknown := [face for face, template in zip(faces, templates, strict=True) if template is None]:
        made = iter(recognizer.embed_batch(unknown, enrolled=True))
        templates = [template or Template(next(made), recognizer.model_id) for template in templates]
    for person, face, template in zip(people.people, faces, templates, strict=True):
        assert template is not None
        gallery.enrol(person.name, template, picture_of(face), DEMO_ORIGIN)


def _fill_and_close(gallery: Gallery, recognizer: Recognizer, people: DemoSet) -> None:
    with gallery:
        _fill(gallery, recognizer, people)


def _take_place(building: Path, path: Path) -> None:
    """Give a complete gallery its name, unless another process was first."""
    try:
        os.link(building, path)
    except FileExistsError:
        return
    except OSError as error:
        if error.errno not in (errno.EPERM, errno.ENOTSUP, errno.ENOSYS, errno.EACCES):
            raise
        if not path.exists():  # no hard links here, as on FAT: the gap between asking and moving is as small as it gets
            os.replace(building, path)


def _remove(building: Path) -> None:
    """A gallery under construction with its log."""
    for suffix in ("", "-wal", "-shm"):
        with contextlib.suppress(NotADirectoryError):  # what should be its folder is a file
            Path(f"{building}{suffix}").unlink(missing_ok=True)


def _remove_leftovers(path: Path) -> None:
    """What first starts that were killed have left beside the gallery."""
    for leftover in path.parent.glob(f"{path.name}.*.part"):
        with contextlib.suppress(FileNotFoundError):  # another process cleans up too
            if time.time() - leftover.stat().st_mtime > LEFTOVER_SECONDS:
                _remove(leftover)
