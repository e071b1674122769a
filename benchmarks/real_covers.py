"""How much of what hides faces in real photos does the visibility network find, and does painting it black help?

    python -m benchmarks.real_covers --root LFW --marks MARKS.json [--cache FOLDER] [--recognise] [--json FILE]

MARKS.json holds what somebody marked in photos of LFW, and photos that were found complete
(``benchmarks/marked_photos.py``). Photos of ``peopleDevTest`` and of ``peopleDevTrain`` are told apart: the network
learned from the latter, as complete views. With ``--recognise`` everybody of a list with two photos or more is
enrolled in VIS by the first that is not marked; whoever is marked and enrolled by another photo is searched, as is,
painted and like with like, by what is *found* and by what was marked (*told*). The JSON names no photo.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.like_with_like import LikeWithLikeBench
from benchmarks.marked_photos import MarkedPhoto, Marks, read_marks
from ssn.data.face_store import FaceStore
from ssn.data.lfw import LFW
from ssn.data.protocol import Sample
from ssn.errors import DataError
from ssn.evaluation.face_set import FaceSet, acquired
from ssn.faces.simulated_nir import simulated_nir_face
from ssn.faces.types import AlignedFace
from ssn.files import write_json
from ssn.gallery.cohort import cohort_file, load_cohort
from ssn.models.checkpoint import DEFAULT_CHECKPOINT
from ssn.models.visibility_file import VISIBILITY_CHECKPOINT
from ssn.recognizer import Recognizer
from ssn.visibility import HIDDEN, VisibilityFinder, opaque, painted, without_doubt

LISTS = ("peopleDevTest.txt", "peopleDevTrain.txt")
SPECTRA = ("vis", "nir-simulated")
MISSED, GOOD = 0.1, 0.5
"""Of a cover that is missed less than this share is found; a good answer has at least this intersection over union."""
WAYS = ("as_is", "painted", "alike", "told_painted", "told_alike")


def judged(marked: MarkedPhoto, visibility: np.ndarray) -> dict:
    """A marked photo and its visibility map (128, 128) → the counts of its pixels: ``marked`` as hidden and ``seen``
    otherwise, ``hits`` and ``false`` of these called hidden, ``painted`` and ``painted_false`` of these painted."""
    called, black = visibility < HIDDEN, opaque(visibility)
    hidden, seen = marked.hidden & marked.judged, ~marked.hidden & marked.judged
    counts = {"marked": hidden, "seen": seen, "hits": called & hidden, "false": called & seen}
    counts |= {"painted": black & hidden, "painted_false": black & seen}
    return {"kind": marked.kind} | {name: int(which.sum()) for name, which in counts.items()}


def overlap(row: Mapping[str, int]) -> float:
    """Counts of pixels → intersection over union of what is called hidden and what is."""
    return row["hits"] / (row["marked"] + row["false"])


def summed(rows: Sequence[dict]) -> dict:
    """Counts of some photos → ``photos``; over all their pixels ``iou``, ``found`` (of the hidden ones, called so),
    ``false`` (of the others, called hidden), ``painted`` and ``painted_false``; ``iou_mean``; how many photos are
    ``good`` and how many ``missed``."""
    total = {name: sum(row[name] for row in rows) for name in rows[0] if name != "kind"}
    ious = [overlap(row) for row in rows]
    return {
        "photos": len(rows),
        "iou": overlap(total),
        "iou_mean": float(np.mean(ious)),
        "found": total["hits"] / total["marked"],
        "false": total["false"] / total["seen"],
        "painted": total["painted"] / total["marked"],
        "painted_false": total["painted_false"] / total["seen"],
        "good": sum(iou >= GOOD for iou in ious),
        "missed": sum(row["hits"] < MISSED * row["marked"] for row in rows),
    }


def by_kind(rows: Sequence[dict]) -> Iterator[dict]:
    """One summary a kind, in the order in which they come, and one of ``all``."""
    for kind in dict.fromkeys(row["kind"] for row in rows):
        yield {"kind": kind, **summed([row for row in rows if row["kind"] == kind])}
    if rows:
        yield {"kind": "all", **summed(rows)}


def alarms(visibilities: np.ndarray) -> dict:
    """Visibility maps (N, 128, 128) of complete faces → the ``photos``, the mean and the largest share called
    ``hidden``, of how many more than 2 % is, and the same of what is painted."""
    called = (visibilities < HIDDEN).mean(axis=(1, 2))
    black = np.array([opaque(v).mean() for v in visibilities])
    facts: dict = {"photos": len(called)}
    for name, shares in (("hidden", called), ("painted", black)):
        facts |= {name: float(shares.mean()), f"{name}_most": float(shares.max())}
        facts |= {f"{name}_over_2_percent": int((shares > 0.02).sum())}
    return facts


def enrolled_photos(people: Mapping[str, Sequence[str]], marks: Marks) -> dict[str, str]:
    """Name → photos → the photo each is enrolled by: the first that is not marked, of whoever has two or more."""
    covered = {marked.photo for marked in marks.photos}
    own = {who: [photo for photo in photos if photo not in covered] for who, photos in people.items()}
    return {who: left[0] for who, left in own.items() if left and len(people[who]) > 1}


def ranks(scores: np.ndarray, right: np.ndarray) -> np.ndarray:
    """Scores (P, G) and the place of the right person in each row → how many score as high or higher, (P,)."""
    own = scores[np.arange(len(scores)), right]
    return (scores >= own[:, None]).sum(axis=1)


def recognised(bench: LikeWithLikeBench, marked: Sequence[MarkedPhoto], found: np.ndarray) -> list[dict]:
    """The bench's probes as they were marked and what is visible of each (P, 128, 128) → of each its ``kind`` and, by
    way, the score with the right person and the rank among everybody enrolled."""
    probes = list(bench.faces.probes)
    right = np.array([np.flatnonzero(bench.faces.gallery_people == who)[0] for who in bench.faces.probe_people])
    told = np.stack([(~one.hidden).astype(np.float32) for one in marked])
    scores = {"as_is": bench.scores(probes, np.ones_like(told))[0]}
    for name, visibilities in (("", found), ("told_", told)):
        black = [painted(face, v) for face, v in zip(probes, visibilities, strict=True)]
        certain = np.stack([without_doubt(v) for v in visibilities])
        scores[f"{name}painted"], scores[f"{name}alike"] = bench.scores(black, certain)
    place = {way: ranks(scores[way], right) for way in WAYS}
    return [
        {"kind": one.kind, "painted_share": float(opaque(found[i]).mean())}
        | {way: {"score": float(scores[way][i, right[i]]), "rank": int(place[way][i])} for way in WAYS}
        for i, one in enumerate(marked)
    ]


def recognition_summary(rows: Sequence[dict]) -> Iterator[dict]:
    """Rows of ``recognised`` → for each kind, and for all, by way the mean score, how many are at rank 1, and how many
    are nearer to rank 1 or farther from it than as is."""
    kinds = list(dict.fromkeys(row["kind"] for row in rows))
    groups = [(kind, [row for row in rows if row["kind"] == kind]) for kind in kinds]
    for kind, own in [*groups, ("all", list(rows))] if rows else []:
        summary: dict = {"kind": kind, "photos": len(own)}
        for way in WAYS:
            moved = [row[way]["rank"] - row["as_is"]["rank"] for row in own]
            summary[way] = {
                "score": float(np.mean([row[way]["score"] for row in own])),
                "rank1": sum(row[way]["rank"] == 1 for row in own),
                "nearer": sum(step < 0 for step in moved),
                "farther": sum(step > 0 for step in moved),
            }
        yield summary


class RealCovers:
    """Marked photos of LFW and, to ``recognise`` who is in them, those that people are enrolled by; aligned once."""

    def __init__(self, lfw: LFW, marks: Marks, cache: Path | None, spectrum: str, recognise: bool):
        self.marks, self.spectrum = marks, spectrum
        self.people = {
            name: {who: [str(path.relative_to(lfw.images)) for path in photos] for who, photos in people.items()}
            for name, people in ((name, lfw.people(name)) for name in LISTS)
        }
        listed = {photo for people in self.people.values() for photos in people.values() for photo in photos}
        if strange := set(marks.named()) - listed:
            raise DataError(
                f"{len(strange)} photos of the marks are in no list.", f"Mark photos of {' or '.join(LISTS)}."
            )
        self.enrolled = {name: enrolled_photos(own, marks) if recognise else {} for name, own in self.people.items()}
        wanted = [*marks.named(), *(photo for own in self.enrolled.values() for photo in own.values())]
        samples = {photo: Sample(Path(photo).parent.name, "vis", lfw.images / photo) for photo in wanted}
        faces, _ = acquired(list(samples.values()), None if cache is None else FaceStore(cache))
        self.faces = {photo: faces[sample] for photo, sample in samples.items() if sample in faces}
        if lost := [photo for photo in marks.named() if photo not in self.faces]:
            raise DataError(f"{len(lost)} photos of the marks gave no face.", "Name photos that can be aligned.")

    def probe(self, photo: str) -> AlignedFace:
        """As the network sees it here."""
        face = self.faces[photo]()
        return face if self.spectrum == "vis" else simulated_nir_face(face)

    def of_list(self, name: str) -> list[MarkedPhoto]:
        """The marked photos of one list's people."""
        own = {photo for photos in self.people[name].values() for photo in photos}
        return [marked for marked in self.marks.photos if marked.photo in own]

    def searched(self, name: str) -> tuple[list[MarkedPhoto], FaceSet]:
        """Those of a list whom another photo enrols, and them as probes in a gallery of all that it enrols."""
        enrolled = {who: photo for who, photo in self.enrolled[name].items() if photo in self.faces}
        marked = [one for one in self.of_list(name) if Path(one.photo).parent.name in enrolled]
        people = np.array([Path(one.photo).parent.name for one in marked], dtype=np.str_)
        gallery = [self.faces[photo]() for photo in enrolled.values()]
        probes = [self.probe(one.photo) for one in marked]
        return marked, FaceSet(name, gallery, np.array(list(enrolled), dtype=np.str_), probes, people)


def measure(photos: RealCovers, finder: VisibilityFinder, recognizer: Recognizer | None, means=None) -> dict:
    """Everything but the names: by list what is found of the covers and, with a recogniser and its mean faces, who is
    recognised; the false alarms on complete faces."""
    lists: dict[str, dict[str, Any]] = {}
    for name in LISTS:
        marked = photos.of_list(name)
        maps = finder.visibilities([photos.probe(one.photo) for one in marked])
        rows = [judged(one, v) for one, v in zip(marked, maps, strict=True)]
        lists[name] = {"kinds": list(by_kind(rows)), "photos": [row | {"iou": overlap(row)} for row in rows]}
        if recognizer is not None:
            found = dict(zip((one.photo for one in marked), maps, strict=True))
            own, faces = photos.searched(name)
            rows = []
            if own:
                bench = LikeWithLikeBench(recognizer, faces, means, 0)
                rows = recognised(bench, own, np.stack([found[one.photo] for one in own]))
            lists[name] |= {"enrolled": len(faces.gallery), "recognised": rows}
            lists[name] |= {"recognition": list(recognition_summary(rows))}
    clear = finder.visibilities([photos.probe(photo) for photo in photos.marks.clear])
    return {"lists": lists, "clear": alarms(clear) if len(clear) else None}


def as_text(result: dict) -> str:
    """The tables, in Markdown."""
    lines = []
    for name, own in result["lists"].items():
        lines += [f"{name}", "| kind | photos | IoU | mean IoU | found, % | false, % | painted, % | good | missed |"]
        lines += ["|---|---|---|---|---|---|---|---|---|"]
        for row in own["kinds"]:
            shares = " | ".join(f"{100 * row[share]:.1f}" for share in ("found", "false", "painted"))
            ious = f"{row['iou']:.2f} | {row['iou_mean']:.2f}"
            lines.append(f"| {row['kind']} | {row['photos']} | {ious} | {shares} | {row['good']} | {row['missed']} |")
        if own.get("recognition"):
            lines += ["", f"| kind | photos | {' | '.join(WAYS)} |", "|---|---|" + "---|" * len(WAYS)]
            for row in own["recognition"]:
                cells = [
                    f"{row[w]['rank1']} ({row[w]['score']:.3f}, −{row[w]['nearer']} +{row[w]['farther']})" for w in WAYS
                ]
                lines.append(f"| {row['kind']} | {row['photos']} | {' | '.join(cells)} |")
        lines.append("")
    if result["clear"]:
        lines.append("complete faces: " + ", ".join(f"{name} {value:.4g}" for name, value in result["clear"].items()))
    return "\n".join(lines)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--root", type=Path, required=True, help="LFW's folder")
    parser.add_argument("--marks", type=Path, required=True, help="what was marked, and what was found complete")
    parser.add_argument("--cache", type=Path, help="where aligned faces are stored")
    parser.add_argument("--spectrum", choices=SPECTRA, default="vis", help="how the marked photos are shown")
    parser.add_argument("--recognise", action="store_true", help="also search for the people behind the covers")
    parser.add_argument("--checkpoint", type=Path, default=DEFAULT_CHECKPOINT)
    parser.add_argument("--visibility", type=Path, default=VISIBILITY_CHECKPOINT)
    parser.add_argument("--json", type=Path, metavar="FILE")
    arguments = parser.parse_args()
    finder = VisibilityFinder.load(arguments.visibility)
    recognizer = Recognizer.load(arguments.checkpoint) if arguments.recognise else None
    means = None if recognizer is None else load_cohort(cohort_file(arguments.checkpoint)).means
    marks = read_marks(arguments.marks)
    photos = RealCovers(LFW(arguments.root), marks, arguments.cache, arguments.spectrum, arguments.recognise)
    result = {"visibility": finder.model_id, "model": None if recognizer is None else recognizer.model_id}
    result |= {"spectrum": arguments.spectrum, **measure(photos, finder, recognizer, means)}
    print(as_text(result))
    if arguments.json:
        write_json(result, arguments.json)


if __name__ == "__main__":
    main()
