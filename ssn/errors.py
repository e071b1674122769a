"""Every error a person can meet: what happened, and what to do about it.

Anything raised on purpose towards a user derives from :class:`SSNError`; the command line prints it as one line
and exits with status 2, the page shows it as a message. Anything else is a bug and keeps its traceback.
"""

from __future__ import annotations


class SSNError(Exception):
    """Base of all user-facing errors.

    ``what`` says what happened, ``hint`` what to do; ``str()`` joins the two.
    """

    def __init__(self, what: str, hint: str = ""):
        self.what = what
        self.hint = hint
        super().__init__(f"{what} {hint}".strip())


class ImageError(SSNError):
    """A picture cannot be used."""


class NotAnImageError(ImageError):
    """The bytes are empty, cut off, or no picture format we read."""


class ImageTooLargeError(ImageError):
    """More bytes or pixels than the stated limits; refused before it is decoded."""


class FaceError(SSNError):
    """The picture is fine, its faces are not."""


class NoFaceError(FaceError):
    """The detector found no face."""


class SeveralFacesError(FaceError):
    """More than one face, and nobody said which. ``count`` is how many."""

    def __init__(self, what: str, hint: str = "", count: int = 0):
        super().__init__(what, hint)
        self.count = count


class LandmarksUnknownError(ImageError):
    """A part of a face was asked for, and nobody knows where its parts are."""

    def __init__(self):
        super().__init__(
            "This face's landmarks are not known: it is a stored picture.",
            "Use the photo it came from, or paint the mask.",
        )


class TemplateMismatchError(SSNError):
    """A template was made by another model than the one it is compared with."""


class CheckpointError(SSNError):
    """A weights file is missing, damaged, or does not fit the architecture."""


class AssetError(SSNError):
    """A file that comes with the project is missing or damaged."""


class GalleryError(SSNError):
    """A gallery cannot be opened, read or written as asked."""


class TemplateGoneError(GalleryError):
    """A template that was there a moment ago was deleted meanwhile."""


class GalleryUnreachableError(GalleryError):
    """The server that keeps a gallery does not answer, or not in time. What it acknowledged is not lost."""


class GalleryUnwritableError(GalleryError):
    """The disk is full, or the gallery's file cannot be written for another reason. Nothing has changed in it."""


class GalleryKeyError(GalleryError):
    """The key of an encrypted gallery is missing, cannot be read, or is another gallery's."""


class NameCaseError(GalleryError):
    """A new name differs from an enrolled one by upper and lower case only, and nobody said that this is meant."""


class DataError(SSNError):
    """A data set's tree or protocol file is not as described."""


class TeamError(SSNError):
    """A process of a training with several gave up, so the others do too."""


class OptionError(SSNError):
    """An option of the command line does not go with what was asked."""


class ExportError(SSNError):
    """A network cannot be exported as asked, or an exported file cannot be run."""


class MissingPackageError(SSNError):
    """A package is missing that only some uses need; ``extra`` is what the project calls it."""

    def __init__(self, package: str, extra: str, purpose: str):
        super().__init__(
            f"{purpose} needs {package}, which is not installed.", f"Install it with: pip install 'ssn-studio[{extra}]'"
        )


class BusyError(SSNError):
    """More was asked for at once than there is room for."""

    def __init__(self) -> None:
        super().__init__("The server is busy with other visitors.", "Try again in a moment.")


class MemoryShortError(SSNError):
    """Not even the smallest batch fits into the memory there is."""


class DeviceError(SSNError):
    """The asked device is not there."""


class ExplanationError(SSNError):
    """An explanation was asked for that cannot be given: an unknown method, block or baseline, or an unfit network."""


class ExplanationCancelledError(ExplanationError):
    """Cancelled before there was anything to show."""
