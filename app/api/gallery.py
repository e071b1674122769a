"""What a program may do with the server's gallery: what ``python -m ssn gallery`` does."""

# No annotations from the future here: Gradio reads those of the endpoints as types.

import base64
import io
from collections.abc import Callable
from dataclasses import asdict

from app.api.asked import check_kinds, content_of, refusals_in_words
from app.services import Services
from ssn.answers import gallery as answers
from ssn.answers.enrolling import enrol_zip
from ssn.errors import DataError
from ssn.faces.read import MAX_BYTES
from ssn.gallery.archive import export_gallery, import_gallery
from ssn.gallery.health import statistics, verify

MOST_EXPORTED = 64 * 2**20
"""Bytes of a gallery that one answer may hold."""


class GalleryEndpoints:
    """A method is an endpoint of its name; its docstring is what a program is told of it. Files are in base64. What
    takes minutes is done one at a time in a process."""

    def __init__(self, services: Services):
        self._services = services

    def enrol_many(self, file: str, spectrum: str = "vis", exact_name: bool = False) -> dict:
        """Enrol the photos of a ZIP file: Name/photo.jpg or Name.jpg, or a list people.csv of lines path,name beside
        them. {"found", "enrolled", "already", "refused", "skipped", "not_reached", "deeper", "named_by_file",
        "interrupted"}: a row for every file, with "photo" and "person" or "reason". The same file again adds
        nothing."""
        return self._told(
            {"spectrum": spectrum, "exact_name": exact_name}, lambda: self._enrol_many(file, spectrum, exact_name)
        )

    def re_embed(self, drop_old: str | None = None) -> dict:
        """Embed every stored picture of other models' templates again with the server's model. {"model", "added",
        "refused": [{"person", "reason"}], "left", "dropped"}; drop_old: then delete the templates of this model, for
        good. The old templates stay valid until then; asked again it goes on where it was."""
        return self._told({"drop_old": drop_old}, lambda: self._re_embed(drop_old))

    def templates(self, name: str) -> dict:
        """One person's templates. {"person", "templates": [{"template", "model", "spectrum", "origin"}]}."""
        return self._told({"name": name}, lambda: answers.templates_of(self._services.gallery, name), ("name",))

    def rename(self, name: str, new_name: str, exact_name: bool = False) -> dict:
        """Give a person another name. {"old", "new"}; exact_name: upper and lower case are meant."""
        given = {"name": name, "new_name": new_name, "exact_name": exact_name}
        gallery = self._services.gallery
        return self._told(given, lambda: answers.renamed(gallery, name, new_name, exact_name), ("name", "new_name"))

    def merge(self, name: str, into: str) -> dict:
        """All templates and notes of one person become another's. {"merged", "into"}."""
        given = {"name": name, "into": into}
        return self._told(given, lambda: answers.merged(self._services.gallery, name, into), ("name", "into"))

    def move(self, template: int, name: str) -> dict:
        """A template becomes that of the person of this name, who is made if new. {"template", "person"}."""
        given = {"template": template, "name": name}
        return self._told(given, lambda: answers.moved(self._services.gallery, template, name), ("template", "name"))

    def note(self, name: str, text: str | None = None) -> dict:
        """The notes on a person, written anew where there is a text. {"person", "notes"}."""
        given = {"name": name, "text": text}
        return self._told(given, lambda: answers.noted(self._services.gallery, name, text), ("name",))

    def changes(self) -> dict:
        """What can be undone, the last change first. {"changes": [{"number", "kind", "text", "made"}]}."""
        return self._told({}, lambda: answers.changes_of(self._services.gallery))

    def undo(self, number: int | None = None) -> dict:
        """Take the last change back; with its number, only if it still is the last. {"undone": {"number", "kind",
        "text", "made"}}."""
        return self._told({"number": number}, lambda: {"undone": answers.change_row(self._services.undo(number))})

    def delete(self, name: str | None = None, template: int | None = None) -> dict:
        """Delete a person or a template, for good. {"deleted"}."""
        return self._told({"name": name, "template": template}, lambda: self._delete(name, template))

    def stats(self) -> dict:
        """What is in the gallery, counted."""
        return self._told({}, lambda: asdict(statistics(self._services.gallery)))

    def verify(self) -> dict:
        """Read all of the gallery. {"people", "templates", "pictures", "problems", "vector_files", "sound"}."""
        return self._told({}, lambda: answers.verified(verify(self._services.gallery)))

    def export(self) -> dict:
        """Everything in the gallery as one file. {"people", "templates", "file"}. It holds faces and names, and is not
        encrypted."""
        return self._told({}, self._export)

    def import_file(self, file: str) -> dict:
        """Add everything in an exported file, all or nothing. {"people", "templates", "already"}."""
        return self._told(
            {}, lambda: asdict(import_gallery(self._services.gallery, io.BytesIO(content_of(file, "file"))))
        )

    def _told(self, given: dict, answer: Callable[[], dict], needed: tuple[str, ...] = ()) -> dict:
        def checked() -> dict:
            check_kinds(given)
            for name in needed:
                if given[name] is None:
                    raise DataError(f"There is no {name}.", "See docs/api.md.")
            return answer()

        return refusals_in_words(checked)

    def _enrol_many(self, file: str, spectrum: str, exact_name: bool) -> dict:
        enroller, content = self._services.enroller(spectrum, exact_name), content_of(file, "file")
        if len(content) > MAX_BYTES:
            raise DataError(f"The file has more than {MAX_BYTES // 2**20} MB.", "Send it in parts.")
        with self._services.running():
            return enrol_zip(enroller, content, lambda: False, lambda *_: None).data()

    def _re_embed(self, drop_old: str | None) -> dict:
        with self._services.running():
            done = self._services.re_embed(drop_old)
        return answers.embedded_again(self._services.recognizer.model_id, done)

    def _delete(self, name: str | None, template: int | None) -> dict:
        person, what = answers.to_delete(self._services.gallery, name, template)
        if person is not None:
            self._services.delete("person", person.id)
        elif template is not None:
            self._services.delete("template", template)
        return {"deleted": what}

    def _export(self) -> dict:
        size, file = statistics(self._services.gallery).bytes, io.BytesIO()
        if size > MOST_EXPORTED:
            raise DataError(
                f"The gallery has {size / 2**20:.0f} MB; an answer can hold {MOST_EXPORTED // 2**20}.",
                "Use python -m ssn gallery export.",
            )
        done = export_gallery(self._services.gallery, file)
        return {"people": done.people, "templates": done.templates, "file": base64.b64encode(file.getvalue()).decode()}
