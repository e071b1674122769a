"""A whole gallery once more, with another model: what is left to do, and when the old templates may go."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from ssn.errors import GalleryError
from ssn.gallery.enrol import enrol_again
from ssn.gallery.store import GalleryStore
from ssn.recognizer import Recognizer


@dataclass(frozen=True)
class ReEmbedded:
    """How many templates were ``added``, (person, reason) of each picture that cannot be read, how many pictures are
    ``left`` to do, and how many templates of the old model were ``dropped``."""

    added: int
    refused: tuple[tuple[str, str], ...]
    left: int
    dropped: int = 0


def left_to_embed(store: GalleryStore) -> int:
    """Stored pictures of other models' templates that this gallery's model has not seen."""
    return len(store.pictures_of_other_models(everybody=True))


def re_embed(
    store: GalleryStore,
    recognizer: Recognizer,
    drop_old: str | None = None,
    progress: Callable[[int, int], bool] | None = None,
) -> ReEmbedded:
    """Enrol every stored picture again, as :func:`enrol_again` with ``everybody``; what is done stays, and the next
    time goes on behind it. Then delete the templates of the model ``drop_old``. Raises GalleryError, also where those
    cannot be deleted yet."""
    done = enrol_again(store, recognizer, everybody=True, progress=progress)
    left = left_to_embed(store) - len(done.refused)
    if drop_old and (left or done.refused):
        raise GalleryError(
            f"The templates of {drop_old} stay: {left} are not done, {len(done.refused)} pictures cannot be read.",
            "Run it again, or delete those first.",
        )
    return ReEmbedded(done.added, done.refused, left, store.delete_model(drop_old) if drop_old else 0)
