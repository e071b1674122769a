"""Does an exported file answer what the network answers? Asked of a drawn face, whole and hidden, in both spectra."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from ssn.errors import ExportError
from ssn.export.formats import Run
from ssn.export.portable import Portable
from ssn.faces.align import align
from ssn.faces.occlude import named_mask, occlude
from ssn.faces.simulated_nir import simulated_nir_face
from ssn.people.portrait import draw_person, photo
from ssn.recognizer import gray_batch, told_masks

LEAST_COSINE = 0.9999
"""Between the embeddings of one face."""
MOST_DIFFERENCE = 1e-3
"""Of a map or of visibility, where 1 is its largest value."""


@dataclass(frozen=True)
class Check:
    """``cosine``: the least of all faces between the file's embedding and the network's, None where there is none;
    ``difference``: the largest of all maps, as a share of the map's largest value, None where there are none."""

    faces: int
    cosine: float | None
    difference: float | None


def probes() -> dict[str, np.ndarray]:
    """A drawn person who does not exist: complete and with the lower face hidden, in visible light and in simulated
    NIR → what a network may be given, by name."""
    drawn = photo(draw_person(0), 0)
    face = align(drawn.pixels, drawn.landmarks)
    faces = [face, occlude(face, named_mask("maskBottom", face.landmarks))]
    faces += [simulated_nir_face(one) for one in faces]
    return {
        "face": gray_batch(faces).numpy(),
        "spectrum": np.array([1, 1, 0, 0], np.int64),
        "mask": told_masks(faces).numpy(),
    }


def check(portable: Portable, run: Run) -> Check:
    """All probes in one batch, and each alone. Raises ExportError where an answer differs by more than is allowed."""
    known = probes()
    given = {name: known[name] for name in portable.inputs}
    expected = portable.expected(given)
    count = len(given["face"])
    alone = [run({name: values[i : i + 1] for name, values in given.items()}) for i in range(count)]
    answers = [run(given), {name: np.concatenate([answer[name] for answer in alone]) for name in portable.outputs}]
    found = [_compared(expected, answer) for answer in answers]
    cosines = [cosine for cosine, _ in found if cosine is not None]
    differences = [difference for _, difference in found if difference is not None]
    result = Check(count, min(cosines, default=None), max(differences, default=None))
    if not (result.cosine is None or result.cosine >= LEAST_COSINE):
        raise ExportError(f"The exported embedding differs: cosine {result.cosine:.6f}.", "Try another format.")
    if not (result.difference is None or result.difference <= MOST_DIFFERENCE):
        raise ExportError(f"The exported maps differ by {result.difference:.1e}.", "Try another format.")
    return result


def _compared(
    expected: Mapping[str, np.ndarray], answer: Mapping[str, np.ndarray]
) -> tuple[float | None, float | None]:
    """The least cosine of embeddings, and the largest relative difference of all else."""
    cosine, differences = None, []
    for name, wanted in expected.items():
        given = answer[name]
        if given.shape != wanted.shape:
            raise ExportError(f"{name} comes out as {given.shape}, not {wanted.shape}.", "Try another format.")
        if name == "embedding":
            lengths = np.linalg.norm(given, axis=1) * np.linalg.norm(wanted, axis=1)
            cosine = float(((given * wanted).sum(axis=1) / lengths).min())
        else:
            differences.append(float(np.abs(given - wanted).max() / np.abs(wanted).max()))
    return cosine, max(differences, default=None)
