"""The ablation of Table VII in our setting: every variant from the same base, people, schedule and seeds.

A row is one variant and one seed, kept as ``VARIANT-seedN/result.json`` in the run's folder: a killed ablation goes on
at the row, and inside the row at the iteration, where it stopped. The baseline's rows come first, and unless they beat
the untuned base nothing else is run: a schedule that harms the network would make all comparisons worthless.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from ssn.ablation.paired import attribution, mcnemar_of
from ssn.errors import DataError
from ssn.evaluation.report import mean_and_deviation, write_json
from ssn.training.search.recipe import Recipe
from ssn.training.search.variants import VARIANTS, variant_named
from ssn.training.team import Team

BASELINE = "light-cnn"
Train = Callable[[Recipe, Path], Any]
"""(recipe, folder) → whatever ``Judge`` understands; goes on from the states in the folder, if there are any."""
Judge = Callable[[Any, Recipe, Path], dict]
"""(trained, recipe, folder) → {"sets": {name of the test: ``Row.flat`` of each}, "saliency": {occlusion: rows of
``saliency_on_mask``}}; of a network that can be told masks also "told", as "sets" with that."""


@dataclass(frozen=True)
class AblationConfig:
    """Which rows, and the recipe they share but for variant and seed."""

    recipe: Recipe
    variants: tuple[str, ...] = tuple(VARIANTS)
    seeds: tuple[int, ...] = (0, 1, 2)

    def __post_init__(self) -> None:
        for name in self.variants:
            variant_named(name)
        if not self.variants or not self.seeds or len(set(self.seeds)) != len(self.seeds):
            raise DataError("An ablation needs variants, and seeds that differ.", "Pass --variants and --seeds.")

    def of_row(self, variant: str, seed: int) -> Recipe:
        """The recipe of one row."""
        return replace(self.recipe, variant=variant, seed=seed)


class Ablation:
    """The rows that are done, and the running of those that are not. ``base`` is what the judge says of the untuned
    base; only the team's first process judges, while the others wait. ``facts``, plain values: what a row depends on
    beside its recipe, such as the faces it learns from and is measured on."""

    def __init__(
        self,
        config: AblationConfig,
        folder: str | Path,
        train: Train,
        judge: Judge,
        base: dict,
        team: Team | None = None,
        facts: dict | None = None,
    ):
        self.config, self.folder, self.train, self.judge, self.base = config, Path(folder), train, judge, base
        self.team, self.facts = team or Team(), facts or {}
        self.results: dict[tuple[str, int], dict] = {}

    def run(self, anyway: bool = False, say: Callable[[str], None] = lambda text: None) -> None:
        """Run, or read, every row. Raises DataError where the baseline does not beat the base, unless ``anyway``."""
        rest = [name for name in VARIANTS if name in self.config.variants and name != BASELINE]
        if BASELINE in self.config.variants:
            for seed in self.config.seeds:
                self.results[BASELINE, seed] = self._row(BASELINE, seed, say)
            if rest and not anyway:
                self._check_baseline()
        for seed in self.config.seeds:  # all rows of one seed first: a part of the table that can be read
            for variant in rest:
                self.results[variant, seed] = self._row(variant, seed, say)

    def _row(self, variant: str, seed: int, say: Callable[[str], None]) -> dict:
        recipe = self.config.of_row(variant, seed)
        folder = self.folder / f"{variant}-seed{seed}"
        file = folder / "result.json"
        facts = json.loads(json.dumps({"recipe": recipe.facts(), "facts": self.facts}))
        done = self.team.first_does(file.is_file)
        say(f"{variant}, seed {seed}" + (": done before" if done else ""))
        if not done:
            trained = self.train(recipe, folder)
            self.team.first_does(lambda: self._keep(trained, recipe, folder, file, facts))
        return self.team.first_does(lambda: read_result(file, facts))

    def _keep(self, trained: Any, recipe: Recipe, folder: Path, file: Path, facts: dict) -> None:
        """Judge a row and keep what was said; a row that is done needs no way back."""
        write_json({**facts, "result": self.judge(trained, recipe, folder)}, file)
        for state in ("search.pt", "finetune.pt"):
            (folder / state).unlink(missing_ok=True)

    def _check_baseline(self) -> None:
        for name, rows in self.base["sets"].items():
            before = np.mean([row["rank1"] for row in rows])
            tuned = [self.results[BASELINE, seed]["sets"][name] for seed in self.config.seeds]
            after = np.mean([row["rank1"] for rows in tuned for row in rows])
            if after <= before:
                raise DataError(
                    f"On {name} the fine-tuned baseline's mean Rank-1 is {after:.3f}, the untuned base's {before:.3f}.",
                    "Change the schedule and start again in another --run folder, or pass --anyway.",
                )
            return  # the first set decides

    def summary(self, **facts) -> dict:
        """Everything as plain values: ``rows`` of the first test set, ``more`` of the others, mean and sample standard
        deviation over the seeds (None for one seed), with ``masks_in_training``, ``tied``, and ``mcnemar_p`` against
        the row it is ``over``; ``told`` of the first set, where the masks were told; ``gains``: Rank-1 over that row,
        paired by seed; ``attribution``: what each part is worth; ``removed``: the share of the baseline's Rank-1 errors
        that are gone, paired by seed, and ``ceiling``: the share that would go if hidden probes did as well as the
        baseline's complete ones, which is as much as a treatment of occlusion alone can do."""
        names = list(self.base["sets"])
        base = {key: value for key, value in self.base.items() if key != "hits"}
        occlusions = [row["occlusion"] for row in base["sets"][names[0]]]
        done = [v for v in VARIANTS if all((v, seed) in self.results for seed in self.config.seeds)]
        return {
            **facts,
            "seed_list": list(self.config.seeds),
            "recipe": self.config.recipe.facts(("variant", "seed")),
            "base": base,
            "test": names[0],
            "rows": self._rows(names[0], done),
            "more": {name: self._rows(name, done) for name in names[1:]},
            "told": self._rows(names[0], [v for v in done if "told" in self.results[v, self.config.seeds[0]]], "told"),
            "gains": self._gains(names[0], done),
            "attribution": attribution(self._by_variant(done), names[0], occlusions),
            "removed": self._removed(names[0], done) if BASELINE in done else [],
            "saliency": {v: [self.results[v, s].get("saliency") for s in self.config.seeds] for v in done},
        }

    def _by_variant(self, done: list[str]) -> dict[str, list[dict]]:
        return {variant: [self.results[variant, seed] for seed in self.config.seeds] for variant in done}

    def _rows(self, name: str, done: list[str], kind: str = "sets") -> list[dict]:
        found, judged = [], self._by_variant(done)
        for variant in done:
            runs = [self.results[variant, seed][kind][name] for seed in self.config.seeds]
            for same in zip(*runs, strict=True):
                occlusion, about = same[0]["occlusion"], VARIANTS[variant]
                row = {"variant": variant, "occlusion": occlusion, "seeds": len(same)}
                masks = about.masks and self.config.recipe.batches.mode == "partial"
                row |= {"masks_in_training": masks, "tied": bool(about.tied)}
                row |= mcnemar_of(judged, variant, name, occlusion) if kind == "sets" else {}
                for measure in [key for key in same[0] if key != "occlusion"]:
                    mean, deviation = mean_and_deviation([run[measure] for run in same])
                    row |= {f"{measure}_mean": mean, f"{measure}_std": deviation}
                found.append(row)
        return found

    def _gains(self, name: str, done: list[str]) -> list[dict]:
        found = []
        for above, variant in [(VARIANTS[name].over, name) for name in done if VARIANTS[name].over in done]:
            runs = [[self.results[v, seed]["sets"][name] for v in (above, variant)] for seed in self.config.seeds]
            for place, row in enumerate(runs[0][0]):
                gain, deviation = mean_and_deviation([b[place]["rank1"] - a[place]["rank1"] for a, b in runs])
                found.append(
                    {
                        "variant": variant,
                        "over": above,
                        "occlusion": row["occlusion"],
                        "rank1_gain_mean": gain,
                        "rank1_gain_std": deviation,
                        "helps": gain > 2 * (deviation or 0.0) / np.sqrt(len(runs)) if len(runs) > 1 else None,
                    }
                )
        return [{**row, "helps": None if row["helps"] is None else bool(row["helps"])} for row in found]

    def _removed(self, name: str, done: list[str]) -> list[dict]:
        """One row per occlusion, variant and way of ranking; shares of the errors, negative where there are more."""
        found = []
        for variant in done:
            kinds = [("sets", "rank1"), ("sets", "rerank1"), ("told", "rank1"), ("told", "rerank1")]
            for kind, measure in kinds[: 4 if "told" in self.results[variant, self.config.seeds[0]] else 2]:
                for occlusion in ("maskTop", "maskBottom"):
                    shares, ceilings = [], []
                    for seed in self.config.seeds:
                        rows = self.results[BASELINE, seed]["sets"][name]
                        complete, hidden = (_of(rows, which)["rank1"] for which in ("none", occlusion))
                        now = _of(self.results[variant, seed][kind][name], occlusion).get(measure)
                        if now is not None:
                            shares.append((now - hidden) / max(1 - hidden, 1e-9))
                            ceilings.append((complete - hidden) / max(1 - hidden, 1e-9))
                    if not shares:
                        continue
                    mean, deviation = mean_and_deviation(shares)
                    found.append(
                        {
                            "variant": variant,
                            "told": kind == "told",
                            "reranked": measure == "rerank1",
                            "occlusion": occlusion,
                            "removed_mean": mean,
                            "removed_std": deviation,
                            "ceiling_mean": mean_and_deviation(ceilings)[0],
                        }
                    )
        return found


def _of(rows: list[dict], occlusion: str) -> dict:
    return next(row for row in rows if row["occlusion"] == occlusion)


def read_result(file: Path, facts: dict) -> dict:
    """What a row's judge said. Raises DataError for a damaged file, or one of another recipe or of other faces."""
    try:
        made = json.loads(file.read_text(encoding="utf-8"))
        recipe, result = made["recipe"], made["result"]
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise DataError(f"{file} is damaged.", "Delete it to run the row again.") from error
    if recipe != facts["recipe"]:
        raise DataError(f"{file} was made by another recipe.", "Use another --run folder, or the same recipe.")
    if made.get("facts") != facts["facts"]:
        raise DataError(f"{file} was made with other faces.", "Use another --run folder, or the same data.")
    return result
