"""Which photos show nothing but a face: learned from without a label.

A photo counts as complete until a cover is drawn over it, so sunglasses and hats in the photos would be learned as
face. Two networks learn from one half of the people each and look at the other half's photos as they are. What is
called hidden there was not drawn, and the network that says so has never been told that this photo is complete: such
photos are left out. A second round, by networks that learned without them, finds what the first took for granted.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from ssn.data.rows import DiskRows
from ssn.errors import DataError
from ssn.machine import choose_device
from ssn.models.visibility import SIDE, VisibilityNetwork
from ssn.training.augment import as_they_are
from ssn.training.crops import Crops
from ssn.training.visibility.recipe import VisibilityConfig
from ssn.training.visibility.run import STATE_FILE, learn_visibility

COVERED = 0.03
"""A photo of which a larger share is called hidden is left out."""
CALLED = 0.5
"""A pixel is called hidden above this."""
AT_ONCE = 256

Learn = Callable[[np.ndarray, str], VisibilityNetwork]


@torch.inference_mode()
def hidden_shares(network: VisibilityNetwork, crops: Crops, rows: np.ndarray) -> np.ndarray:
    """Photos as they are, at ``rows`` (n,) → the share of each that is called hidden, (n,) in [0, 1]."""
    network = network.eval()

    def share(part: np.ndarray) -> Tensor:
        logits = network(as_they_are(crops.at(part), SIDE))
        return (torch.sigmoid(logits) > CALLED).float().mean(dim=(1, 2, 3)).cpu()

    parts = [share(rows[start : start + AT_ONCE]) for start in range(0, len(rows), AT_ONCE)]
    return torch.cat([torch.zeros(0), *parts]).numpy()


def halves(rows: np.ndarray, identities: np.ndarray, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Rows (n,) and all identities (N,), −1 where unknown → two halves of the rows, all photos of one person in the
    same."""
    rng = np.random.default_rng(seed)
    known = np.unique(identities[identities >= 0])
    first = rng.permutation(known)[: len(known) // 2]
    alone = rng.random(len(identities)) < 0.5
    mine = np.where(identities[rows] >= 0, np.isin(identities[rows], first), alone[rows])
    return rows[mine], rows[~mine]


@dataclass(frozen=True)
class Looks:
    """How often all photos are looked at, and from how many views the two networks of a look learn."""

    rounds: int = 2
    views: int = 400_000


def uncovered(
    crops: Crops, rows: np.ndarray, identities: np.ndarray, learn: Learn, rounds: int, seed: int = 0
) -> np.ndarray:
    """The rows (n,) at which no cover is seen, after ``rounds`` of looking. ``learn(rows, name)`` trains a network on
    rows, a name for each. Raises DataError where none is left."""
    kept = rows
    for number in range(rounds):
        two = halves(rows, identities, seed + number)
        clean = []
        for side, (own, other) in enumerate((two, two[::-1])):
            network = learn(own[np.isin(own, kept)], f"look-{number}-{side}")
            clean.append(other[hidden_shares(network, crops, other) <= COVERED])
        kept = np.sort(np.concatenate(clean))
        if not len(kept):
            raise DataError(
                "A cover was seen in every photo.", "Let the looks learn from more views, or leave them out."
            )
    return kept


def uncovered_rows(
    pixels: np.ndarray | DiskRows,
    rows: np.ndarray,
    identities: np.ndarray,
    config: VisibilityConfig,
    looks: Looks,
    folder: str | Path,
    device: str = "auto",
    resume: bool = False,
) -> np.ndarray:
    """As :func:`uncovered`, with networks of the recipe ``config`` whose states lie in ``folder``; with ``resume`` a
    look that is there is not repeated. Raises CheckpointError where it is of another recipe, and DataError where a
    cover is seen everywhere."""
    short = replace(config, views=looks.views)

    def learn(own: np.ndarray, name: str) -> VisibilityNetwork:
        place = Path(folder) / name
        place.mkdir(parents=True, exist_ok=True)
        there = resume and (place / STATE_FILE).is_file()
        return learn_visibility(pixels, own, short, place, device, resume=there).network

    return uncovered(Crops(pixels, choose_device(device)), rows, identities, learn, looks.rounds, config.seed)
