"""The visibility network's training, from the faces that ``train`` caches:

python -m ssn.training.visibility --cache FOLDER [--lfw ROOT] [--faces ROOT] --run FOLDER --out FILE
"""

from __future__ import annotations

import argparse
import sys
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np

from ssn.data.lfw import LFW, lfw_protocol
from ssn.data.training_faces import training_faces
from ssn.errors import SSNError
from ssn.models.visibility_file import VISIBILITY_CHECKPOINT, VisibilityCard, load_visibility, save_visibility
from ssn.training.visibility.recipe import VisibilityConfig
from ssn.training.visibility.run import VisibilityTraining, learn_visibility
from ssn.training.visibility.uncovered import Looks, uncovered_rows


def rows_to_learn(identities: np.ndarray, held_out: int, seed: int = 7) -> np.ndarray:
    """Identities (N,), −1 where unknown → the rows of all but ``held_out`` of the known people, drawn by ``seed``."""
    known = np.unique(identities[identities >= 0])
    apart = np.random.default_rng(seed).permutation(known)[:held_out]
    return np.flatnonzero(~np.isin(identities, apart))


def export(
    run: VisibilityTraining, facts: dict[str, Any], out: Path, start: VisibilityCard | None = None
) -> VisibilityCard:
    """A finished run → its weights under ``out``, with ``facts`` about what they were made from, and what ``start``
    was."""
    training = {
        **facts,
        "views": run.step_number * run.config.batch,
        "recipe": asdict(run.config),
        **({"before": start.training} if start else {}),
    }
    return save_visibility(out, run.network, training=training)


def main(arguments: list[str] | None = None) -> None:
    """Train and write the file; a typed error becomes one line on standard error and exit status 2."""
    parser = argparse.ArgumentParser(prog="python -m ssn.training.visibility", description=__doc__.splitlines()[0])
    parser.add_argument("--cache", type=Path, required=True, help="where prepared faces lie, or shall lie")
    parser.add_argument("--lfw", type=Path, help="LFW: its training people are learned from")
    parser.add_argument("--faces", type=Path, help="sets of ready crops")
    parser.add_argument("--run", type=Path, required=True, help="folder for the state")
    parser.add_argument("--start", type=Path, help="a visibility network to go on from, instead of random weights")
    parser.add_argument("--out", type=Path, default=VISIBILITY_CHECKPOINT)
    parser.add_argument("--views", type=int, default=VisibilityConfig.views)
    parser.add_argument("--batch", type=int, default=VisibilityConfig.batch, help="views a step")
    parser.add_argument("--rate", type=float, default=VisibilityConfig.learning_rate, help="highest learning rate")
    parser.add_argument("--looks", type=int, default=2, help="rounds of looking for photos that show a cover; 0: none")
    parser.add_argument("--look-views", type=int, default=400_000, help="views that each look's networks learn from")
    parser.add_argument("--held-out", type=int, default=150, help="people not learned from, to choose by")
    parser.add_argument("--device", default="auto")
    parser.add_argument("--resume", action="store_true")
    asked = parser.parse_args(arguments)
    try:
        protocol = lfw_protocol(LFW(asked.lfw), pairs_list=None) if asked.lfw else None
        crops, counts = training_faces(protocol, asked.cache, asked.faces)
        rows = rows_to_learn(crops.identities, asked.held_out)
        network, start = load_visibility(asked.start) if asked.start else (None, None)
        config = VisibilityConfig(views=asked.views, batch=asked.batch, learning_rate=asked.rate)
        looks = Looks(asked.looks, asked.look_views)
        kept = uncovered_rows(
            crops.pixels, rows, crops.identities, config, looks, asked.run, asked.device, asked.resume
        )
        run = learn_visibility(crops.pixels, kept, config, asked.run, asked.device, asked.resume, network=network)
        facts = {"data": counts, "held_out_people": asked.held_out, "left_out_as_covered": len(rows) - len(kept)}
        card = export(run, facts, asked.out, start)
    except SSNError as error:
        print(f"error: {error}", file=sys.stderr)
        sys.exit(2)
    print(f"{card.model_id}: {card.training['views']} views, in {asked.out}")


if __name__ == "__main__":
    main()
