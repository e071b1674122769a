"""Who is found behind a cover: as is, painted black, re-ranked, and like with like by cells.

    python -m benchmarks.like_with_like --faces SET.npy [--probes 600] [--reranked N] [--json FILE]

SET.npy (N, 144, 144, 3) uint8 with SET.npz beside it, as ``python -m ssn cohort`` reads them; the mean faces are those
of the cohort beside the checkpoint. The first photo of everybody with two or more is enrolled in VIS with its mirror
image, ``--probes`` of the others are searched in simulated NIR, complete, behind the paper's black masks, and wearing
drawn goggles, a surgical mask or a scarf. *Told*: the true cover is known. *Found*: only the visibility network says
what hides the face. Either is painted black where it is opaque; so are they re-ranked (the first N probes; 50 passes
each) and compared like with like (no pass).
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import torch

from benchmarks.visibility import shown
from ssn.errors import DataError
from ssn.evaluation.face_set import FaceSet, stored_face_set
from ssn.faces.types import AlignedFace
from ssn.files import write_json
from ssn.gallery.cell_score import CellScorer, mixed_scores
from ssn.gallery.cohort import cohort_file, load_cohort
from ssn.gallery.parts import FaceParts, enrolled_parts
from ssn.gallery.rerank import Reranker
from ssn.models.cells import cell_weights
from ssn.models.checkpoint import DEFAULT_CHECKPOINT
from ssn.recognizer import Recognizer
from ssn.visibility import VisibilityFinder, painted, without_doubt

KINDS = ("none", "maskTop", "maskBottom", "goggles", "surgical", "scarf")
COLUMNS = ("as_is", "painted", "reranked", "alike")


class LikeWithLikeBench:
    """People enrolled once, and their Rank-1 from any probes."""

    def __init__(self, recognizer: Recognizer, faces: FaceSet, means, reranked: int):
        self.recognizer, self.faces, self.reranked = recognizer, faces, reranked
        self.scorer = CellScorer(recognizer, means)
        gallery = list(faces.gallery)
        self.units, parts = enrolled_parts(recognizer, gallery, fast=True)
        self.parts = FaceParts(parts.cells.half(), parts.scales)  # as a gallery keeps them
        self.reranker = Reranker(recognizer, gallery, self.units) if reranked else None

    def hits(self, scores: np.ndarray) -> np.ndarray:
        """Scores (P, G) of the first P probes → who of them are found at rank 1, (P,) bool."""
        return self.faces.gallery_people[scores.argmax(axis=1)] == self.faces.probe_people[: len(scores)]

    @torch.inference_mode()
    def scores(self, probes: list[AlignedFace], visibilities: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Probes and how visible each pixel of them is (P, 128, 128) → ordinary scores with everybody enrolled, and
        those like with like, both (P, G)."""
        units, maps = self.recognizer.last_maps(probes, fast=True)
        usual = units @ self.units.T
        alike = np.empty_like(usual)
        for place, visibility in enumerate(visibilities):
            weights = cell_weights(torch.from_numpy(visibility.astype(np.float32))).to(self.scorer.device)
            seen = self.scorer.seen_of_maps(maps[place : place + 1], weights, probes[place].branch)[0]
            enrolled = self.scorer.seen(self.parts, ["vis"] * len(self.parts), weights)
            alike[place] = mixed_scores(usual[place], (enrolled @ seen).cpu().numpy())
        return usual, alike

    def measured(self, probes: list[AlignedFace], visibilities: np.ndarray) -> dict[str, np.ndarray]:
        """Painted probes and how visible each pixel of them is (P, 128, 128) → who is found at rank 1, by column: (P,)
        bool, or (N,) of those that were re-ranked."""
        usual, alike = self.scores(probes, visibilities)
        found = {"painted": self.hits(usual), "alike": self.hits(alike)}
        if self.reranker is not None:
            again = [self._reranked(probe, usual[i], i) for i, probe in enumerate(probes[: self.reranked])]
            found["reranked"] = np.array(again)
        return found

    def _reranked(self, probe: AlignedFace, scores: np.ndarray, place: int) -> bool:
        best = self.reranker.rerank(probe, scores).places[0] if self.reranker is not None else scores.argmax()
        return bool(self.faces.gallery_people[best] == self.faces.probe_people[place])

    def rows(self, finder: VisibilityFinder, kinds: tuple[str, ...] = KINDS) -> Iterator[dict]:
        """One per cover and per told or found; with re-ranking another one of the probes that were."""
        for kind in kinds:
            views, opacities = zip(*shown(list(self.faces.probes), kind, "nir-simulated"), strict=True)
            found, opacity = finder.visibilities(views), np.stack(opacities)
            as_is = self.hits(self.recognizer.embed_batch(list(views), fast=True) @ self.units.T)
            for how, visibility in (("told", (opacity <= 0.5).astype(np.float32)), ("found", found)):
                if how == "told" and kind == "none":
                    continue
                probes = [painted(face, v) for face, v in zip(views, visibility, strict=True)]
                seen = np.stack([without_doubt(v) for v in visibility])
                found = {"as_is": as_is, **self.measured(probes, seen)}
                again = found.pop("reranked", None)
                yield {"cover": kind, "hidden": how, "probes": len(as_is), **shares(found)}
                if again is not None:
                    first = {name: hits[: len(again)] for name, hits in found.items()} | {"reranked": again}
                    yield {"cover": kind, "hidden": how, "probes": len(again), **shares(first)}


def shares(hits: dict[str, np.ndarray]) -> dict[str, float]:
    """Who was found → Rank-1, in [0, 1]."""
    return {name: float(found.mean()) for name, found in hits.items()}


def read_set(path: Path, most: int) -> FaceSet:
    """A set of crops → the first photo of everybody with two or more enrolled, and ``most`` of the others, drawn with a
    fixed seed, as probes. Raises DataError."""
    try:
        with np.load(path.with_suffix(".npz")) as facts:
            landmarks, people = facts["landmarks"].astype(float), facts["identity"]
        faces = stored_face_set(path.stem, np.load(path, mmap_mode="r"), landmarks, people)
    except (OSError, KeyError, ValueError) as error:
        raise DataError(f"{path} is no set of crops with a .npz beside it.", "Name a SET.npy.") from error
    chosen = np.random.default_rng(0).permutation(len(faces.probes))[:most]
    probes = [faces.probes[i] for i in chosen]
    return FaceSet(faces.name, faces.gallery, faces.gallery_people, probes, faces.probe_people[chosen])


def as_text(rows: list[dict]) -> str:
    """A table in Markdown, in percent."""
    lines = [
        "| cover | hidden | probes | as is | painted | re-ranked | like with like |",
        "|---|---|---|---|---|---|---|",
    ]
    for row in rows:
        cells = [f"{100 * row[name]:.1f}" if name in row else "–" for name in COLUMNS]
        lines.append(f"| {row['cover']} | {row['hidden']} | {row['probes']} | {' | '.join(cells)} |")
    return "\n".join(lines)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--faces", type=Path, required=True, help="SET.npy with SET.npz beside it")
    parser.add_argument("--probes", type=int, default=600)
    parser.add_argument("--covers", default=",".join(KINDS), help="which, by commas")
    parser.add_argument("--reranked", type=int, default=0, help="probes that are also re-ranked")
    parser.add_argument("--checkpoint", type=Path, default=DEFAULT_CHECKPOINT)
    parser.add_argument("--cohort", type=Path, help="where the mean faces are; beside the checkpoint if not given")
    parser.add_argument("--json", type=Path, metavar="FILE")
    arguments = parser.parse_args()
    recognizer, finder = Recognizer.load(arguments.checkpoint), VisibilityFinder.load()
    cohort = load_cohort(arguments.cohort or cohort_file(arguments.checkpoint))
    faces = read_set(arguments.faces, arguments.probes)
    rows = []
    bench = LikeWithLikeBench(recognizer, faces, cohort.means, arguments.reranked)
    for row in bench.rows(finder, tuple(arguments.covers.split(","))):
        rows.append(row)
        print(as_text([row]).splitlines()[-1], flush=True)
    facts = {"model": recognizer.model_id, "visibility": finder.model_id, "set": faces.name}
    counts = {"people": len(faces.gallery), "probes": len(faces.probes), "reranked": arguments.reranked}
    print("\n" + as_text(rows))
    if arguments.json:
        write_json({**facts, **counts, "rows": rows}, arguments.json)


if __name__ == "__main__":
    main()
