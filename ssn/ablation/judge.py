"""Measures the rows of an ablation, on people whom the search and the fine-tuning never saw."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from ssn.data.face_store import FaceStore, StoredFaces, taken
from ssn.data.joined_teachers import JoinedTeachers
from ssn.data.protocol import Protocol
from ssn.errors import DataError
from ssn.evaluation.face_set import FaceSet, Progress, plain, protocol_face_set, stored_face_set
from ssn.evaluation.measure import Row, measure, measure_descriptors
from ssn.evaluation.report import SPECTRUM_NAMES, write_json
from ssn.evaluation.saliency import saliency_on_mask
from ssn.faces.types import AlignedFace, Spectrum
from ssn.models.checkpoint import load_model
from ssn.recognizer import Recognizer
from ssn.training.search.objective import Objective
from ssn.training.search.people import LFW_SOURCE, TrainingPeople
from ssn.training.search.pipeline import export
from ssn.training.search.recipe import Recipe
from ssn.training.team import Team

WATCHED = 100
"""Probes on which the saliency of hidden pixels is measured."""
WATCHED_OCCLUSIONS = ("maskTop", "maskBottom")
HELD_OUT_PROBES = 4
"""Photos of a held-out person that are searched with, at most; some have thirty."""
LFW_TEST, HELD_OUT = "lfw-devtest", "held-out"
"""What the sets are called that no protocol lists."""


class Judge:
    """Measures a finished row on all test sets, as it would be shipped: from its file. ``data`` goes into its card."""

    def __init__(self, sets: list[FaceSet], data: dict[str, Any], shortlist: int, team: Team, watched: int = WATCHED):
        self.sets, self.data, self.shortlist, self.team = sets, data, shortlist, team
        self.spectrum = tested_spectrum(sets[0])
        places = sets[0].places(self.spectrum)
        chosen = np.linspace(0, len(places) - 1, min(watched, len(places))).astype(int)
        self.watched = [sets[0].probes[places[i]] for i in chosen]

    @property
    def facts(self) -> dict[str, Any]:
        """What a measurement depends on beside the model: the pictures and people of the sets, and the shortlist."""
        return {"sets": {each.name: _mark(each) for each in self.sets}, "shortlist": self.shortlist}

    def __call__(self, objective: Objective, recipe: Recipe, folder: Path) -> dict[str, Any]:
        """Write a trained row's file, and measure that."""
        file = folder / f"{recipe.variant}.safetensors"
        export(objective, recipe, self.data, file)
        return self.of_file(file)

    def of_file(self, file: Path) -> dict[str, Any]:
        """{"model", "sets": {name: rows}, "hits": {name: …}, "saliency": {occlusion: blocks}}; an adaptive network also
        {"told": …}, its rows when it is told the masks."""
        recognizer = Recognizer(*load_model(file), self.team.device)
        measured = self._measure(recognizer, tell=False)
        judged = {"model": recognizer.model_id, "sets": _flat(measured), "hits": self._hits(measured)}
        if recognizer.network.adaptive:
            judged["told"] = _flat(self._measure(recognizer, tell=True))
        judged["saliency"] = {
            kind: saliency_on_mask(recognizer, self.watched, kind, self.spectrum) for kind in WATCHED_OCCLUSIONS
        }
        return judged

    def of_teacher(self, teacher: JoinedTeachers) -> dict[str, Any]:
        """{"model", "sets": {name: rows}} of what the base learns from, on the same pictures; no sets of descriptors
        that were stored without their network."""
        if not teacher.at_hand:
            return {"model": teacher.words, "sets": {}}
        rows = {each.name: measure_descriptors(describer(teacher), each, tested_spectrum(each)) for each in self.sets}
        return {"model": teacher.words, "sets": _flat(rows)}

    def _hits(self, measured: dict[str, list[Row]]) -> dict[str, Any]:
        """Of each set whose probes are searched with, ``people`` (n,), and by occlusion a 1 for each whose person is at
        rank 1, else a 0."""
        found: dict[str, Any] = {}
        for each in self.sets:
            searched = each.places(tested_spectrum(each))
            _, people = np.unique(each.probe_people[searched[searched < len(each.probe_people)]], return_inverse=True)
            hits = {row.occlusion: "".join("01"[hit] for hit in row.hits) for row in measured[each.name]}
            found[each.name] = {"people": people.tolist(), **hits}
        return found

    def _measure(self, recognizer: Recognizer, tell: bool) -> dict[str, list[Row]]:
        return {
            each.name: measure(
                recognizer, each, (tested_spectrum(each),), shortlist=self.shortlist, tell=tell, fast=True
            )
            for each in self.sets
        }


def _flat(measured: dict[str, list[Row]]) -> dict[str, list[dict]]:
    return {name: [row.flat() for row in rows] for name, rows in measured.items()}


def describer(teacher: JoinedTeachers) -> Callable[[AlignedFace], np.ndarray]:
    """An aligned face whose landmarks are known → its descriptor."""

    def described(face: AlignedFace) -> np.ndarray:
        if face.landmarks is None:
            raise ValueError("a face with landmarks is needed")
        return teacher.describe(face.pixels, face.landmarks)

    return described


def _mark(faces: FaceSet) -> str:
    """12 hex digits of whom a set enrols and searches with."""
    digest = hashlib.sha256()
    for face in (*faces.gallery, *faces.probes):
        digest.update(face.pixels.tobytes())
        digest.update(np.asarray(face.landmarks, np.float32).tobytes())
    digest.update(np.asarray(faces.gallery_people).tobytes() + np.asarray(faces.probe_people).tobytes())
    return digest.hexdigest()[:12]


def measured_once(file: Path, model_id: str, facts: dict[str, Any], judge: Callable[[], dict]) -> dict[str, Any]:
    """What ``judge`` says of the model of that id, kept in ``file``. Raises DataError where the file is damaged, or
    about another model or other test sets."""
    facts = json.loads(json.dumps(facts))
    if not file.is_file():
        write_json({**judge(), "judged": facts}, file)
    try:
        known = json.loads(file.read_text(encoding="utf-8"))
        about, made = known["model"], known.get("judged")
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise DataError(f"{file} is damaged.", "Delete it to measure again.") from error
    if about != model_id:
        raise DataError(f"{file} is about another model.", "Use another --run folder, or the same --base.")
    if made != facts:
        raise DataError(f"{file} was measured on other pictures.", "Use another --run folder, or delete it.")
    return known


def face_sets(
    protocol: Protocol, store: FaceStore, faces: StoredFaces, people: TrainingPeople, progress: Progress = plain
) -> list[FaceSet]:
    """The protocol's own test, gallery and probes as it lists them, or where it only verifies pairs everybody it may
    test, the first photo enrolled; and the people held out. Raises DataError where nobody is identified, or has two
    photos."""
    if protocol.probes:
        sets = [protocol_face_set(protocol, store, progress)]
    else:
        name = LFW_TEST if protocol.train_source == LFW_SOURCE else f"{protocol.name}, test people"
        test, _ = store.stored(protocol.tested, name)
        if test.nir.any():
            raise DataError(f"{protocol.name} identifies nobody.", "Use a protocol with a gallery and probes.")
        sets = [stored_face_set(name, test.pixels, test.landmarks, test.identities)]
    if len(rows := people.held_out):
        pixels, owners = taken(faces.pixels, rows), faces.identities[rows]
        sets.append(stored_face_set(HELD_OUT, pixels, faces.landmarks[rows], owners, HELD_OUT_PROBES))
    return sets


def tested_spectrum(faces: FaceSet) -> Spectrum:
    """What the probes of an ablation are shown in: real near-infrared where there is any, else simulated."""
    return "nir" if "nir" in faces.measured_spectra() else "nir-simulated"


def notes(sources: list[str], nir: str, shortlist: int, sets: list[FaceSet]) -> list[str]:
    """What a reader of the table must know: what the faces are, the sets, and how rows without a search learn."""
    kinds = [f"of `{each.name}` {SPECTRUM_NAMES[tested_spectrum(each)]}" for each in sets]
    return [
        f"Learned from {', '.join(sources)}; NIR in training is {nir}. Probes of the test: {', '.join(kinds)}.",
        *(_ABOUT[each.name] for each in sets if each.name in _ABOUT),
        *(f"`{each.name}`: {' '.join(each.notes)}" for each in sets if each.notes),
        "Whoever is enrolled counts with the mirror image too (the base's teacher: the photo alone).",
        "Rows without the search learn indicators and weights side by side on all photos, with as many iterations and "
        "faces as the search has.",
        f"Re-ranked: the first {shortlist}, embedded anew with the mask where their landmarks put it.",
    ]


_ABOUT = {
    LFW_TEST: f"`{LFW_TEST}`: all people of LFW's `peopleDevTest` with two or more photos, the first enrolled; nobody "
    "of them is in training.",
    HELD_OUT: f"`{HELD_OUT}`: people of the ready crops whom search and fine-tuning never saw, though the base may "
    f"have been distilled on photos of theirs. One photo enrolled, at most {HELD_OUT_PROBES} searched with.",
}
