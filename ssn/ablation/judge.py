"""Measures the rows of an ablation, on people whom the search and the fine-tuning never saw."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from ssn.data.face_store import FaceStore, StoredFaces, taken
from ssn.data.lfw import LFW, lfw_protocol
from ssn.errors import DataError
from ssn.evaluation.face_set import FaceSet, stored_face_set
from ssn.evaluation.measure import measure, measure_descriptors
from ssn.evaluation.report import write_json
from ssn.evaluation.saliency import saliency_on_mask
from ssn.faces.descriptor import describe
from ssn.models.checkpoint import load_model
from ssn.recognizer import Recognizer
from ssn.training.search.objective import Objective
from ssn.training.search.people import TrainingPeople
from ssn.training.search.pipeline import export
from ssn.training.search.recipe import Recipe
from ssn.training.team import Team

WATCHED = 100
"""Probes on which the saliency of hidden pixels is measured."""
WATCHED_OCCLUSIONS = ("maskTop", "maskBottom")
HELD_OUT_PROBES = 4
"""Photos of a held-out person that are searched with, at most; some have thirty."""
TEACHER = "dlib-descriptors"


class Judge:
    """Measures a finished row on all test sets, as it would be shipped: from its file. ``data`` goes into its card."""

    def __init__(self, sets: list[FaceSet], data: dict[str, Any], shortlist: int, team: Team, watched: int = WATCHED):
        self.sets, self.data, self.shortlist, self.team = sets, data, shortlist, team
        probes = sets[0].probes
        chosen = np.linspace(0, len(probes) - 1, min(watched, len(probes))).astype(int)
        self.watched = [probes[i] for i in chosen]

    @property
    def facts(self) -> dict[str, Any]:
        """What a measurement depends on beside the model: the pictures and people of the sets, and the shortlist."""
        return {"sets": {each.name: _mark(each) for each in self.sets}, "shortlist": self.shortlist}

    def __call__(self, objective: Objective, recipe: Recipe, folder: Path) -> dict[str, Any]:
        file = folder / f"{recipe.variant}.safetensors"
        export(objective, recipe, self.data, file)
        return self.of_file(file)

    def of_file(self, file: Path) -> dict[str, Any]:
        """{"model", "sets": {name: rows}, "saliency": {occlusion: blocks}}; an adaptive network also {"told": …}, its
        rows when it is told the masks."""
        recognizer = Recognizer(*load_model(file), self.team.device)
        judged = {"model": recognizer.model_id, "sets": self._measure(recognizer, tell=False)}
        if recognizer.network.adaptive:
            judged["told"] = self._measure(recognizer, tell=True)
        judged["saliency"] = {kind: saliency_on_mask(recognizer, self.watched, kind) for kind in WATCHED_OCCLUSIONS}
        return judged

    def of_teacher(self) -> dict[str, Any]:
        """{"model", "sets": {name: rows}} of dlib's descriptors, on the same pictures."""
        rows = {each.name: measure_descriptors(lambda f: describe(f.pixels, f.landmarks), each) for each in self.sets}
        return {"model": TEACHER, "sets": {name: [row.flat() for row in measured] for name, measured in rows.items()}}

    def _measure(self, recognizer: Recognizer, tell: bool) -> dict[str, Any]:
        rows = {
            each.name: measure(recognizer, each, shortlist=self.shortlist, tell=tell, fast=True) for each in self.sets
        }
        return {name: [row.flat() for row in measured] for name, measured in rows.items()}


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


def face_sets(cache: Path, lfw: Path | None, faces: StoredFaces, people: TrainingPeople) -> list[FaceSet]:
    """LFW's DevTest people, and the people held out. Raises DataError without LFW, or where nobody of a set has two
    photos."""
    if lfw is None:
        raise DataError("LFW is what this is measured on.", "Pass --lfw ROOT.")
    test, _ = FaceStore(cache).stored(lfw_protocol(LFW(lfw), pairs_list=None).withheld, "lfw-peopleDevTest")
    sets = [_set_of("lfw-devtest", test.pixels, test.landmarks, test.identities)]
    if len(rows := people.held_out):
        pixels, owners = taken(faces.pixels, rows), faces.identities[rows]
        sets.append(_set_of("held-out", pixels, faces.landmarks[rows], owners, HELD_OUT_PROBES))
    return sets


def _set_of(name: str, *arrays: Any) -> FaceSet:
    try:
        return stored_face_set(name, *arrays)
    except ValueError as error:
        raise DataError(f"{name} cannot be searched: {error}.", "Use a set of people with several photos.") from error


def notes(sources: list[str], nir: str, shortlist: int) -> list[str]:
    """What a reader of the table must know: what the faces are, the sets, and how rows without a search learn."""
    return [
        f"Learned from {', '.join(sources)}; NIR in training is {nir}. Every NIR probe of the test is simulated.",
        "`lfw-devtest`: all people of LFW's `peopleDevTest` with two or more photos, the first enrolled; nobody of "
        "them is in training. `held-out`: people of the training sets' other sources whom search and fine-tuning never "
        "saw, though the base was distilled on photos of theirs. One photo enrolled, with its mirror image (the base's "
        f"teacher: the photo alone), at most {HELD_OUT_PROBES} searched with.",
        "Rows without the search learn indicators and weights side by side on all photos, with as many iterations and "
        "faces as the search has.",
        f"Re-ranked: the first {shortlist}, embedded anew with the mask where their landmarks put it.",
    ]
