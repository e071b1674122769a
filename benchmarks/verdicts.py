"""What a search among few people is called: who belongs there, and strangers, by the two rules for verdicts.

    python -m benchmarks.verdicts --faces SET.npy [--enrolled 80] [--strangers 100] [--checkpoint FILE] [--json FILE]

SET.npy (N, 144, 144, 3) uint8 with SET.npz beside it, as ``python -m ssn cohort`` reads them. One photo of so many
people is enrolled in VIS with its mirror image; another of each, and one of so many others, is searched in VIS and
in simulated NIR, complete and behind the paper's masks. *two-rates*: the card's thresholds of one comparison. *search*:
the verdicts of the page, at the rates it states by default.
"""

from __future__ import annotations

import argparse
from collections import Counter
from pathlib import Path

import numpy as np
from scipy.stats import binomtest

from benchmarks.like_with_like import read_set
from benchmarks.tables import markdown
from ssn.answers.search import Probe, Wanted, search_probes
from ssn.errors import DataError
from ssn.evaluation.face_set import FaceSet
from ssn.evaluation.probes import as_probe
from ssn.files import write_json
from ssn.gallery.cohort import cohort_of
from ssn.gallery.registry import open_store
from ssn.gallery.store import GalleryStore
from ssn.gallery.verdict import RULES, SEARCH_RULE, SearchRates
from ssn.models.checkpoint import DEFAULT_CHECKPOINT
from ssn.recognizer import Recognizer

SPECTRA = ("vis", "nir-simulated")
OCCLUSIONS = ("none", "maskTop", "maskBottom")


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


def verdicts(
    store: GalleryStore, recognizer: Recognizer, checkpoint: Path, faces: FaceSet, places: list[int], look: tuple
) -> dict[str, list[tuple[str, str]]]:
    """By rule, of each probe the person at rank 1 and the verdict."""
    spectrum, occlusion = look
    views = [as_probe(faces.shown(place, spectrum), occlusion) for place in places]
    probes = [Probe(i, view, recognizer.embed(view)) for i, view in enumerate(views)]
    cohort = cohort_of(checkpoint, recognizer.model_id)
    found: dict[str, list[tuple[str, str]]] = {}
    for rule in RULES:
        answers = search_probes(store, recognizer, cohort, probes, Wanted(1, rule))
        found[rule] = [(matches[0].person, matches[0].verdict) for matches in answers]
    return found


def measure(checkpoint: Path, faces: FaceSet, enrolled: int, strangers: int) -> list[dict]:
    """A row for each rule, spectrum and occlusion."""
    recognizer = Recognizer.load(checkpoint)
    places, own, others = chosen(faces, enrolled, strangers)
    rows = []
    with open_store(":memory:", recognizer.model_id) as store:
        for place in places:
            store.enrol(str(faces.gallery_people[place]), recognizer.enrolment(faces.gallery[place]), None, "benchmark")
        for look in [(spectrum, occlusion) for spectrum in SPECTRA for occlusion in OCCLUSIONS]:
            mated = verdicts(store, recognizer, checkpoint, faces, own, look)
            foreign = verdicts(store, recognizer, checkpoint, faces, others, look)
            for rule in RULES:
                right = [v for (name, v), p in zip(mated[rule], own, strict=True) if name == str(faces.probe_people[p])]
                called = Counter(v for _, v in foreign[rule])
                match = called["match"]
                high = binomtest(match, len(others)).proportion_ci().high
                rows.append(
                    {
                        "rule": rule,
                        "spectrum": look[0],
                        "occlusion": look[1],
                        "right_at_rank_1": len(right) / len(own),
                        "right_match": right.count("match") / len(own),
                        "right_at_least_uncertain": (len(right) - right.count("no match")) / len(own),
                        "strangers_match": match / len(others),
                        "strangers_match_at_most": float(high),
                        "strangers_uncertain": called["uncertain"] / len(others),
                    }
                )
    return rows


def as_text(rows: list[dict]) -> str:
    """A table in Markdown, in percent."""
    columns = {
        "right_at_rank_1": "right at rank 1",
        "right_match": "… called match",
        "right_at_least_uncertain": "… at least uncertain",
        "strangers_match": "strangers called match",
        "strangers_uncertain": "… uncertain",
    }
    heads = ["rule", "probe", "occlusion", *columns.values()]
    cells = [
        [row["rule"], row["spectrum"], row["occlusion"], *(f"{100 * row[name]:.0f}" for name in columns)]
        for row in rows
    ]
    return "\n".join(markdown(heads, cells))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--faces", type=Path, required=True, help="SET.npy with SET.npz beside it")
    parser.add_argument("--enrolled", type=int, default=80)
    parser.add_argument("--strangers", type=int, default=100)
    parser.add_argument("--checkpoint", type=Path, default=DEFAULT_CHECKPOINT)
    parser.add_argument("--json", type=Path, metavar="FILE")
    arguments = parser.parse_args()
    faces = read_set(arguments.faces, 10**6)
    rows = measure(arguments.checkpoint, faces, arguments.enrolled, arguments.strangers)
    rates = SearchRates()
    print(
        f"Stated by {SEARCH_RULE}: {100 * rates.match:g} % of strangers a match, {100 * rates.uncertain:g} % uncertain."
    )
    print(as_text(rows))
    if arguments.json:
        write_json({"checkpoint": arguments.checkpoint.name, "rows": rows}, arguments.json)


if __name__ == "__main__":
    main()
