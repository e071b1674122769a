"""Does the visibility network find what hides a face, and does that help to recognise who is behind it?

    python -m benchmarks.visibility --crops FOLDER [--probes 600] [--recognise] [--json FILE]

FOLDER holds ``pixels.npy`` (N, 144, 144, 3), ``landmarks.npy`` and ``identities.npy``, as ``train`` caches a set. Each
photo wears drawn goggles, a surgical mask or a scarf, which no training ever saw, or one of the paper's black masks.
The intersection over union is that of all pixels of a set of faces: hidden by v against covers of which more than half
is opaque. With ``--recognise`` the first photo of each person is enrolled in VIS (with its mirror image) and the
others are searched: as they are, with what v finds painted black, and with the true cover painted black ("told").
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from benchmarks.tables import markdown
from ssn.evaluation.face_set import FaceSet, stored_face_set
from ssn.faces.occlude import named_mask, occlude
from ssn.faces.simulated_nir import simulated_nir_face
from ssn.faces.types import AlignedFace
from ssn.files import write_json
from ssn.models.checkpoint import DEFAULT_CHECKPOINT
from ssn.models.visibility_file import VISIBILITY_CHECKPOINT
from ssn.people.dressed import dress_in
from ssn.recognizer import Recognizer
from ssn.visibility import HIDDEN, VisibilityFinder, painted

WORN = ("goggles", "surgical", "scarf")
KINDS = (*WORN, "maskTop", "maskBottom", "none")
SPECTRA = ("nir-simulated", "vis")


def shown(faces: list[AlignedFace], kind: str, spectrum: str) -> Iterator[tuple[AlignedFace, np.ndarray]]:
    """Complete VIS faces → each behind ``kind``, as KINDS names it, and how opaque that is (128, 128) in [0, 1]. The
    ``mask`` of the faces is empty: nobody was told."""
    for number, face in enumerate(faces):
        if kind in WORN:
            yield dress_in(face, kind, spectrum, np.random.default_rng((17, number)))
        else:
            seen = simulated_nir_face(face) if spectrum == "nir-simulated" else face
            hidden = occlude(seen, named_mask(kind, seen.landmarks))
            yield hidden.with_(mask=np.zeros_like(hidden.mask)), hidden.mask.astype(np.float32)


def overlap(found: np.ndarray, opacity: np.ndarray) -> dict[str, float]:
    """Visibility and opacity maps (N, 128, 128) → ``iou`` over all pixels, ``iou_mean`` over faces,
    ``soft_iou`` (Σ min / Σ max of 1 − v and opacity, no threshold), ``hidden`` (the share of all pixels called hidden)
    and ``degree_error`` (mean |1 − v − opacity|). Without covers no IoU."""
    guess, true = found < HIDDEN, opacity > 0.5
    row = {"hidden": float(guess.mean()), "degree_error": float(np.abs(1 - found - opacity).mean())}
    if not true.any():
        return row
    both, either = (guess & true).sum(axis=(1, 2)), (guess | true).sum(axis=(1, 2))
    soft = np.minimum(1 - found, opacity).sum() / np.maximum(1 - found, opacity).sum()
    ious = {"iou": both.sum() / either.sum(), "iou_mean": (both / either).mean(), "soft_iou": soft}
    return {name: float(value) for name, value in ious.items()} | row


def measure(finder: VisibilityFinder, faces: list[AlignedFace]) -> list[dict]:
    """One row per spectrum and kind of cover."""
    rows = []
    for spectrum in SPECTRA:
        for kind in KINDS:
            views, opacities = zip(*shown(faces, kind, spectrum), strict=True)
            rows.append(
                {"spectrum": spectrum, "cover": kind, **overlap(finder.visibilities(views), np.stack(opacities))}
            )
    return rows


def recognise(
    recognizer: Recognizer, finder: VisibilityFinder, faces: FaceSet, kinds: tuple[str, ...] = (*WORN, "none")
) -> list[dict]:
    """Rank-1 of the probes behind each cover in simulated NIR, in [0, 1]: as is, found, told."""
    gallery = recognizer.embed_batch(faces.gallery, fast=True, enrolled=True)

    def rank1(probes: list[AlignedFace]) -> float:
        best = (recognizer.embed_batch(probes, fast=True) @ gallery.T).argmax(axis=1)
        return float((faces.gallery_people[best] == faces.probe_people).mean())

    rows = []
    for kind in kinds:
        views, opacities = zip(*shown(faces.probes, kind, "nir-simulated"), strict=True)
        found = [painted(face, v) for face, v in zip(views, finder.visibilities(views), strict=True)]
        told = [painted(face, 1 - (o > 0.5)) for face, o in zip(views, opacities, strict=True)]
        rows.append({"cover": kind, "as_is": rank1(list(views)), "found": rank1(found), "told": rank1(told)})
    return rows


def read_faces(folder: Path, most: int) -> FaceSet:
    """A cached set → the first photo of everybody with two or more enrolled, and ``most`` of the others, drawn evenly
    with a fixed seed, as probes."""
    arrays = [np.load(folder / f"{name}.npy", mmap_mode="r") for name in ("pixels", "landmarks", "identities")]
    faces = stored_face_set(folder.name, *arrays)
    chosen = np.sort(np.random.default_rng(0).permutation(len(faces.probes))[:most])
    probes = [faces.probes[i] for i in chosen]
    return FaceSet(faces.name, faces.gallery, faces.gallery_people, probes, faces.probe_people[chosen])


def as_text(rows: list[dict], ranks: list[dict]) -> str:
    """Both tables, in Markdown."""
    seen = []
    for row in rows:
        ious = [f"{row[name]:.3f}" if name in row else "" for name in ("iou", "iou_mean", "soft_iou")]
        seen.append([row["spectrum"], row["cover"], *ious, f"{100 * row['hidden']:.2f}"])
    lines = markdown(["probe", "cover", "IoU", "mean IoU", "soft IoU", "called hidden, %"], seen)
    if ranks:
        shares = [[row["cover"], *(f"{100 * row[k]:.1f}" for k in ("as_is", "found", "told"))] for row in ranks]
        lines += ["", *markdown(["cover", "as is", "found", "told"], shares)]
    return "\n".join(lines)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--crops", type=Path, required=True, help="a cached set of aligned faces")
    parser.add_argument("--probes", type=int, default=600)
    parser.add_argument("--recognise", action="store_true", help="also measure Rank-1")
    parser.add_argument("--checkpoint", type=Path, default=DEFAULT_CHECKPOINT)
    parser.add_argument("--visibility", type=Path, default=VISIBILITY_CHECKPOINT)
    parser.add_argument("--json", type=Path, metavar="FILE")
    arguments = parser.parse_args()
    finder = VisibilityFinder.load(arguments.visibility)
    faces = read_faces(arguments.crops, arguments.probes)
    result = {"visibility": finder.model_id, "set": faces.name, "probes": len(faces.probes)}
    result |= {"people": len(faces.gallery), "covers": measure(finder, faces.probes), "rank1": []}
    if arguments.recognise:
        recognizer = Recognizer.load(arguments.checkpoint)
        result |= {"model": recognizer.model_id, "rank1": recognise(recognizer, finder, faces)}
    print(as_text(result["covers"], result["rank1"]))
    if arguments.json:
        write_json(result, arguments.json)


if __name__ == "__main__":
    main()
