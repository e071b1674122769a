"""An ablation's summary as Markdown: one table per test set and occlusion, shares in percent."""

from __future__ import annotations

from typing import Any

from ssn.evaluation.published import TABLES, set_of
from ssn.training.search.variants import VARIANTS

COLUMNS = (
    *((f"Rank-{i}", f"rank{i}") for i in range(1, 6)),
    ("AUC", "auc"),
    ("EER", "eer"),
    ("TPR@1 %", "tpr_at_0.01"),
    ("TPR@0.1 %", "tpr_at_0.001"),
    ("Rank-1 re-ranked", "rerank1"),
)
TOLD = {"ssn-adaptive": "the same, told which pixels are hidden"}


def as_markdown(summary: dict) -> str:
    """What ``Ablation.summary`` gives → the page. ``notes`` and ``commands``, lists of text, are printed if they are
    there."""
    lines = ["# Ablation", ""]
    for note in summary.get("notes", []):
        lines += [note, ""]
    lines += [_schedule(summary), ""]
    if summary.get("commands"):
        lines += ["```", *summary["commands"], "```", ""]
    tests = [(summary["test"], summary["rows"]), *summary["more"].items()]
    for name, rows in tests:
        for occlusion in dict.fromkeys(row["occlusion"] for row in rows):
            lines += [f"## {name}, {occlusion}", "", *_table(name, occlusion, rows, summary), ""]
    if summary["gains"]:
        lines += ["## What each part adds", "", *_gains(summary), ""]
    if summary.get("attribution"):
        lines += ["## What the jump is made of", "", *_attribution(summary), ""]
    if summary.get("removed"):
        lines += ["## Errors removed", "", *_removed(summary), ""]
    if hidden := _saliency(summary):
        lines += ["## Saliency on hidden pixels", "", *hidden, ""]
    return "\n".join(lines).rstrip() + "\n"


def _schedule(summary: dict) -> str:
    recipe, seeds = summary["recipe"], summary["seed_list"]
    batches, loss = recipe["batches"], recipe["loss"]
    return (
        f"Every row: seeds {', '.join(map(str, seeds))}; stage 1 {recipe['search']['epochs']:g} epochs, stage 2 "
        f"{recipe['finetune']['epochs']:g} epochs, batches of {batches['batch']}, mode {batches['mode']}, rate "
        f"{recipe['rates']['network']:g} (indicators {recipe['search']['indicator_rate']:g}). Weights in the loss, "
        f"beside the identities' 1: the base's own answers {loss['knowledge']:g}, its teacher's {loss['teacher']:g}; "
        f"in `ssn-adaptive` the dimming of hidden pixels {loss['dimming']:g}, the disturbance of shown ones "
        f"{loss['disturbance']:g} (δ at {recipe['search']['correction_rate']:g}). "
        f"Base `{recipe['base']}`. Percent, mean ± standard deviation over the "
        f"{summary.get('over', 'seeds')}. Gallery VIS."
    )


def _table(name: str, occlusion: str, rows: list[dict], summary: dict) -> list[str]:
    lines = ["| row | " + " | ".join(title for title, _ in COLUMNS) + " |", "|---" * (len(COLUMNS) + 1) + "|"]
    for title, one in (("the base's teacher", summary.get("teacher")), ("untuned base", summary["base"])):
        for row in one["sets"].get(name, []) if one else []:
            if row["occlusion"] == occlusion:
                cells = [_cell(row.get(key), None) for _, key in COLUMNS]
                lines.append(f"| {title} | {' | '.join(cells)} |")
    told = summary["told"] if name == summary["test"] and occlusion != "none" else []
    meanings = {name: variant.meaning for name, variant in VARIANTS.items()}
    for meaning, row in [(meanings, row) for row in rows] + [(TOLD, row) for row in told]:
        if row["occlusion"] == occlusion:
            cells = [_cell(row.get(f"{key}_mean"), row.get(f"{key}_std")) for _, key in COLUMNS]
            lines.append(f"| `{row['variant']}`: {meaning[row['variant']]} | {' | '.join(cells)} |")
    return lines + _published(name, occlusion)


def _published(name: str, occlusion: str) -> list[str]:
    """The rows of the paper's Table VII, in italics, where it is of that set and occlusion."""
    rows = [row for row in TABLES["VII"] if (row.set, row.occlusion) == (set_of(name), occlusion)]
    lines = []
    for row in rows:
        method = "SSN, the paper's" if row.method == "Ours" else row.method
        cells = [str(row.figures[key]).replace("±", " ± ") if key in row.figures else "–" for _, key in COLUMNS]
        lines.append(f"| *{method}* | {' | '.join(f'*{cell}*' for cell in cells)} |")
    about = f"Rows in italics are published figures, not measured here: {rows[0].source}." if rows else ""
    return [*lines, "", about] if rows else []


def _cell(mean: float | None, deviation: float | None) -> str:
    if mean is None:
        return "–"
    return f"{100 * mean:.1f}" + ("" if deviation is None else f" ± {100 * deviation:.1f}")


def _gains(summary: dict) -> list[str]:
    paired = summary.get("over", "seeds").removesuffix("s")
    lines = [
        f"Rank-1 on {summary['test']} over the row it differs from by one part, paired by {paired}, in points. It "
        "*helps* where the mean is more than two standard errors above nothing, each comparison for itself: of many, "
        "one may do so by chance. *p*: McNemar's exact test on the probes that one of the two rows finds and the other "
        "does not.",
        "",
        "| row | over | occlusion | gain | helps | p |",
        "|---|---|---|---|---|---|",
    ]
    tests = {(row["variant"], row["occlusion"]): row.get("mcnemar_p") for row in summary["rows"]}
    for gain in summary["gains"]:
        helps = {True: "yes", False: "not shown", None: "one cannot tell"}[gain["helps"]]
        value = _cell(gain["rank1_gain_mean"], gain["rank1_gain_std"])
        p = tests.get((gain["variant"], gain["occlusion"]))
        chance = "–" if p is None else f"{p:.3f}" if p >= 0.001 else "< 0.001"
        lines.append(f"| `{gain['variant']}` | `{gain['over']}` | {gain['occlusion']} | {value} | {helps} | {chance} |")
    return lines


def _attribution(summary: dict) -> list[str]:
    """A line for each part, a column for each occlusion."""
    rows = summary["attribution"]
    occlusions = list(dict.fromkeys(row["occlusion"] for row in rows))
    cells: dict[str, dict[str, str]] = {}
    for row in rows:
        between = "" if row["low"] is None else f" ({100 * row['low']:+.1f} … {100 * row['high']:+.1f})"
        cells.setdefault(row["effect"], {})[row["occlusion"]] = f"{100 * row['value']:+.1f}{between}"
    return [
        f"Rank-1 points on {summary['test']}, with the 95 % interval of drawing the people anew. Masks and indicator: "
        "the mean over whether the other is there.",
        "",
        f"| part | {' | '.join(occlusions)} |",
        "|---" * (len(occlusions) + 1) + "|",
        *(f"| {name} | {' | '.join(own.get(kind, '–') for kind in occlusions)} |" for name, own in cells.items()),
    ]


def _removed(summary: dict) -> list[str]:
    lines = [
        f"Of the fine-tuned baseline's Rank-1 errors on {summary['test']} under each mask, percent that are gone, by "
        "the same seed. *Ceiling*: what would go if its hidden probes did as well as its complete ones.",
        "",
        "| row | mask known | re-ranked | maskTop | maskBottom |",
        "|---|---|---|---|---|",
    ]
    rows: dict[tuple[str, bool, bool], dict[str, dict[str, Any]]] = {}
    for row in summary["removed"]:
        rows.setdefault((row["variant"], row["told"], row["reranked"]), {})[row["occlusion"]] = row
    for (variant, told, reranked), by_mask in rows.items():
        if variant == "light-cnn" and not reranked:
            ceilings = [_cell(by_mask[kind]["ceiling_mean"], None) for kind in ("maskTop", "maskBottom")]
            lines.append(f"| *ceiling* | | | {' | '.join(ceilings)} |")
            continue
        cells = [
            _cell(by_mask[kind]["removed_mean"], by_mask[kind]["removed_std"]) for kind in ("maskTop", "maskBottom")
        ]
        yes = ["yes" if flag else "" for flag in (told, reranked)]
        lines.append(f"| `{variant}` | {' | '.join([*yes, *cells])} |")
    return lines


def _saliency(summary: dict) -> list[str]:
    """Seeds' means of what ``saliency_on_mask`` gives, as shares of what the same pixels have in the complete face."""
    lines = [
        "Of the mask's pixels: σ(M) and mean |Ŷ| of the occluded face, over those of the same pixels in the complete "
        "face; below 100 the network takes saliency back. In brackets the same of the pixels outside the mask. No "
        "network is told the mask here.",
        "",
        "| row | occlusion | block | σ(M) | response |",
        "|---|---|---|---|---|",
    ]
    start = len(lines)
    for variant, runs in summary["saliency"].items():
        for occlusion in runs[0] or ():
            for blocks in zip(*(run[occlusion] for run in runs), strict=True):
                cells = [_kept([block[kind] for block in blocks]) for kind in ("indicator", "response")]
                lines.append(f"| `{variant}` | {occlusion} | {blocks[0]['block']} | {' | '.join(cells)} |")
    return lines if len(lines) > start else []


def _kept(blocks: list[dict[str, float] | None]) -> str:
    known = [block for block in blocks if block is not None]
    if not known:
        return "–"
    inside, outside = (
        sum(block[place] for block in known) / sum(block[f"{place}_complete"] for block in known)
        for place in ("inside", "outside")
    )
    return f"{100 * inside:.1f} ({100 * outside:.1f})"
