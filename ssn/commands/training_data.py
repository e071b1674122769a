"""What ``train`` and ``ablate`` learn from: a protocol's training people, ready crops, or both."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

import typer

from ssn.data.face_store import StoredFaces
from ssn.data.joined_teachers import JoinedTeachers, teachers_named
from ssn.data.protocol import Protocol
from ssn.data.registry import DataRequest
from ssn.data.training_faces import own_name, training_faces
from ssn.training.team import Team

ReadyCrops = Annotated[
    Path | None,
    typer.Option(envvar="SSN_FACES", help="Folder of ready crops, SET.tar and SET.npz, to learn from as well."),
]
TeacherName = Annotated[
    str,
    typer.Option(
        help="Whose descriptors are learned: dlib, NAME (of SET.NAME.npz beside ready crops), NET.onnx, or several by "
        "weight, dlib:0.3+NET.onnx:0.7."
    ),
]


@dataclass(frozen=True)
class TrainingData:
    """``protocol`` is None where ready crops alone are learned from; ``counts`` is what a card says of the faces."""

    protocol: Protocol | None
    faces: StoredFaces
    counts: dict[str, Any]
    teacher: JoinedTeachers

    @property
    def own(self) -> str:
        """The source of the protocol's own people."""
        return own_name(self.protocol)


def read_training(
    data: DataRequest | None, cache: Path, crops: Path | None, teacher: str, team: Team, workers: int = 2
) -> TrainingData:
    """The faces to learn from; what is not in ``cache`` yet is built there by one process. Raises DataError."""
    teachers = teachers_named(teacher)

    def read() -> TrainingData:
        protocol = None if data is None else data.to_train().read(cache)
        return TrainingData(protocol, *training_faces(protocol, cache, crops, teachers, workers), teachers)

    return team.first_before_others(read)


def by_fold(data: DataRequest | None, run: Path) -> Iterator[tuple[DataRequest | None, Path]]:
    """What is asked for, fold by fold, each with a folder of its own where there are several."""
    folds = [data] if data is None else data.by_fold()
    for each in folds:
        yield each, run if each is None or len(folds) == 1 else run / f"fold-{each.fold}"
