"""What a search among few people is called: who belongs there, and strangers, by rule and by score.

    python -m benchmarks.verdicts --faces SET.npy [--demo] [--enrolled 80] [--strangers 100] [--reranked]
        [--uncertain 0.25] [--checkpoint FILE] [--json FILE]

SET.npy (N, 144, 144, 3) uint8 with SET.npz beside it, as ``python -m ssn cohort`` reads them. One photo of so many
people is enrolled in VIS with its mirror image; another of each, and one of so many others, is searched in VIS and in
simulated NIR, complete and behind the paper's masks. With ``--demo`` the synthetic people of the page are enrolled and
searched, by the probes that the page offers, and the people of SET fill the gallery up and are the strangers.

*two-rates*: the card's thresholds of one comparison. *search*: the verdicts of the page, at the rates it states; as
there, whoever wears or holds something before a tenth of the face besides the mask is at most uncertain.
*by cells* and *re-ranked* (``--reranked``: 50 passes of the network a probe) are the same rule for scores like with
like, behind masks.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from scipy.stats import binomtest

from app.kit.demo_faces import read_ready_faces
from app.kit.demo_people import DEMO_FOLDER, read_demo
from benchmarks.like_with_like import read_set
from benchmarks.tables import markdown
from ssn.answers.search import Probe, Wanted, search_probes
from ssn.commands.alike import AlikeSearch
from ssn.errors import DataError
from ssn.evaluation.face_set import FaceSet
from ssn.evaluation.probes import as_probe
from ssn.faces.finder import shared_finder
from ssn.faces.types import AlignedFace, Spectrum
from ssn.files import write_json
from ssn.gallery.alike import rerank
from ssn.gallery.cohort import cohort_of
from ssn.gallery.enrol import enrol_face
from ssn.gallery.registry import open_store
from ssn.gallery.rerank import SHORTLIST
from ssn.gallery.search_verdict import judges_of
from ssn.gallery.store import GalleryStore, Match
from ssn.gallery.verdict import RULES, SEARCH_RULE, SearchRates
from ssn.models.checkpoint import DEFAULT_CHECKPOINT
from ssn.recognizer import Recognizer
from ssn.visibility import covered_shares

SPECTRA: tuple[Spectrum, ...] = ("vis", "nir-simulated")
OCCLUSIONS = ("none", "maskTop", "maskBottom")
CELLS, RERANKED = "by cells", "re-ranked"


@dataclass(frozen=True)
class Searches:
    """Complete faces in one spectrum: ``own`` (name, face) of people who are enrolled, and ``strangers``."""

    own: Sequence[tuple[str, AlignedFace]]
    strangers: Sequence[AlignedFace]


@dataclass(frozen=True)
class Trial:
    """Who is ``enrolled``, by name, and the searches by spectrum."""

    enrolled: Mapping[str, AlignedFace]
    searches: Mapping[Spectrum, Searches]


def chosen(faces: FaceSet, enrolled: int, strangers: int, seed: int = 0) -> tuple[list[int], list[int], list[int]]:
    """Places in the gallery of who is enrolled, and of one probe of each and of each stranger. Raises DataError."""
    order = np.random.default_rng(seed).permutation(len(faces.gallery_people))
    first = {int(person): place for place, person in reversed(list(enumerate(faces.probe_people)))}
    able = [int(place) for place in order if int(faces.gallery_people[place]) in first]
    if len(able) < enrolled + strangers:
        raise DataError(f"{len(able)} people have two photos.", "Ask for fewer.")
    places, others = able[:enrolled], able[enrolled : enrolled + strangers]
    probes = [[first[int(faces.gallery_people[place])] for place in group] for group in (places, others)]
    return places, probes[0], probes[1]


def trial_of_set(faces: FaceSet, enrolled: int, strangers: int) -> Trial:
    """People of a set among themselves. Raises DataError."""
    places, own, others = chosen(faces, enrolled, strangers)
    searches = {
        spectrum: Searches(
            [(str(faces.probe_people[place]), faces.shown(place, spectrum)) for place in own],
            [faces.shown(place, spectrum) for place in others],
        )
        for spectrum in SPECTRA
    }
    return Trial({str(faces.gallery_people[place]): faces.gallery[place] for place in places}, searches)


def trial_of_demo(faces: FaceSet, enrolled: int, strangers: int, folder: Path = DEMO_FOLDER) -> Trial:
    """The demo people, who are searched by their complete probes, and people of a set. Raises DataError."""
    demo, ready, finder = read_demo(folder), read_ready_faces(folder), shared_finder("cpu")
    there = {
        person.name: ready.face(person.enrolment) or finder.face(person.enrolment, index=0) for person in demo.people
    }
    places, _, others = chosen(faces, max(0, enrolled - len(there)), strangers)
    spectrum: Spectrum = "nir-simulated"
    own = [
        (probe.person, finder.face(probe.path, spectrum=spectrum))
        for probe in demo.probes
        if probe.enrolled and probe.spectrum == spectrum and probe.occlusion == "none"
    ]
    fill = {f"other {faces.gallery_people[place]}": faces.gallery[place] for place in places}
    return Trial(there | fill, {spectrum: Searches(own, [faces.shown(place, spectrum) for place in others])})


class VerdictBench:
    """A gallery with people in it, and what a search there is called, in every way."""

    def __init__(self, store: GalleryStore, recognizer: Recognizer, checkpoint: Path, rates: SearchRates, again: bool):
        self.store, self.recognizer, self.rates, self.again = store, recognizer, rates, again
        self.cohort = cohort_of(checkpoint, recognizer.model_id)
        self.alike = AlikeSearch("told", recognizer, checkpoint, store, "auto")

    def best(self, face: AlignedFace) -> dict[str, Match]:
        """A probe → rank 1 with its verdict, by way; behind a mask also like with like."""
        template = self.recognizer.embed(face)
        (covered,) = covered_shares(self.alike.finder, [face])
        probe, found = [Probe(0, face, template, covered=covered)], {}
        for rule in RULES:
            wanted = Wanted(1, rule, self.rates)
            found[rule] = search_probes(self.store, self.recognizer, self.cohort, probe, wanted)[0][0]
        if face.mask.any():
            found[CELLS] = self.alike.answer(face, 1, SEARCH_RULE, self.rates).matches[0]
        if face.mask.any() and self.again:
            shortlist = self.store.search(template, SHORTLIST, self.recognizer.card.thresholds)
            matches, moved = rerank(self.recognizer, self.store, face, shortlist)
            judges = judges_of(self.cohort, face, template, self.store, self.rates, alike=True, covered=covered)
            found[RERANKED] = matches[0] if judges is None else judges.judged(matches, moved.scores)[0]
        return found

    def rows(self, searches: Searches, occlusion: str) -> Iterator[dict]:
        """A row for each way."""
        own = [(name, self.best(as_probe(face, occlusion))) for name, face in searches.own]
        strangers = [self.best(as_probe(face, occlusion)) for face in searches.strangers]
        for way in own[0][1]:
            right = [found[way].verdict for name, found in own if found[way].person == name]
            foreign = [found[way].verdict for found in strangers]
            yield {"way": way, "occlusion": occlusion, **shares(right, len(own), foreign)}


def shares(right: Sequence[str], searched: int, foreign: Sequence[str]) -> dict[str, float]:
    """Verdicts of the right people who came to rank 1 of ``searched``, and of what strangers found, in [0, 1]."""
    match = foreign.count("match")
    return {
        "searches": searched,
        "right_at_rank_1": len(right) / searched,
        "right_match": right.count("match") / searched,
        "right_at_least_uncertain": (len(right) - right.count("no match")) / searched,
        "strangers": len(foreign),
        "strangers_match": match / len(foreign),
        "strangers_match_at_most": float(binomtest(match, len(foreign)).proportion_ci().high),
        "strangers_uncertain": foreign.count("uncertain") / len(foreign),
    }


def measure(checkpoint: Path, trial: Trial, rates: SearchRates, again: bool = False) -> Iterator[dict]:
    """A row for each way, spectrum and occlusion."""
    recognizer = Recognizer.load(checkpoint)
    with open_store(":memory:", recognizer.model_id) as store:
        for name, face in trial.enrolled.items():
            enrol_face(store, recognizer, face, name, "benchmark")
        bench = VerdictBench(store, recognizer, checkpoint, rates, again)
        for spectrum, searches in trial.searches.items():
            for occlusion in OCCLUSIONS:
                for row in bench.rows(searches, occlusion):
                    yield {"spectrum": spectrum, **row}


def as_text(rows: list[dict]) -> str:
    """A table in Markdown, in percent."""
    columns = {
        "right_at_rank_1": "right at rank 1",
        "right_match": "… called match",
        "right_at_least_uncertain": "… at least uncertain",
        "strangers_match": "strangers called match",
        "strangers_uncertain": "… uncertain",
    }
    heads = ["way", "probe", "occlusion", *columns.values()]
    cells = [
        [row["way"], row["spectrum"], row["occlusion"], *(f"{100 * row[name]:.0f}" for name in columns)] for row in rows
    ]
    return "\n".join(markdown(heads, cells))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--faces", type=Path, required=True, help="SET.npy with SET.npz beside it")
    parser.add_argument("--demo", action="store_true", help="search for the demo people, in simulated NIR")
    parser.add_argument("--enrolled", type=int, default=80)
    parser.add_argument("--strangers", type=int, default=100)
    parser.add_argument("--reranked", action="store_true", help="also by re-embedding 50 faces a probe")
    parser.add_argument("--uncertain", type=float, default=SearchRates().uncertain, help="rate stated of strangers")
    parser.add_argument("--checkpoint", type=Path, default=DEFAULT_CHECKPOINT)
    parser.add_argument("--json", type=Path, metavar="FILE")
    arguments = parser.parse_args()
    faces, rates = read_set(arguments.faces, 10**6), SearchRates(uncertain=arguments.uncertain)
    trial = (trial_of_demo if arguments.demo else trial_of_set)(faces, arguments.enrolled, arguments.strangers)
    rows = list(measure(arguments.checkpoint, trial, rates, arguments.reranked))
    stated = f"{100 * rates.match:g} % of strangers a match, {100 * rates.uncertain:g} % uncertain or a match"
    print(f"{len(trial.enrolled)} enrolled. Stated by {SEARCH_RULE}: {stated}.")
    print(as_text(rows))
    if arguments.json:
        write_json(
            {"checkpoint": arguments.checkpoint.name, "enrolled": len(trial.enrolled), "rows": rows}, arguments.json
        )


if __name__ == "__main__":
    main()
