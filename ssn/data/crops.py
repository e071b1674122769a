"""Training faces of LFW's ``peopleDevTrain`` and of folders of ready crops, by the folders' names alone."""

from __future__ import annotations

from pathlib import Path

from ssn.data.acquire import CROP_SIZE
from ssn.data.face_store import StoredFaces
from ssn.data.lfw import LFW, lfw_protocol
from ssn.data.training_faces import training_faces

__all__ = ["CROP_SIZE", "load_crops"]


def load_crops(
    cache: str | Path, lfw: Path | None = None, faces: Path | None = None, workers: int = 2
) -> tuple[StoredFaces, dict]:
    """As ``training_faces`` of LFW's View 1, or of no protocol."""
    protocol = lfw_protocol(LFW(lfw), pairs_list=None) if lfw else None
    return training_faces(protocol, cache, faces, workers=workers)
