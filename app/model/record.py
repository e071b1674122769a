"""What a checkpoint says of itself, as HTML: its measures as a table, its training in words, the rest to unfold."""

from __future__ import annotations

from collections.abc import Mapping
from html import escape

PROBES = {"vis": "VIS", "nir": "NIR", "nir-simulated": "NIR, simulated"}
RATE = "0.01"
NOTHING_MEASURED = "<p>No measures are stored with this checkpoint.</p>"
NOTHING_KNOWN = "<p>No training record is stored with this checkpoint.</p>"


def measures_tables(measures: Mapping) -> str:
    """``ModelCard.measures`` → one table per protocol, with its notes. What is not of the shape ``evaluate`` writes is
    shown as it is."""
    parts = []
    for protocol, found in measures.items():
        try:
            if "groups" in found:
                parts.append(_groups(found))
                continue
            parts.append(_rows(str(protocol), found["rows"]))
            parts += [f"<p>{escape(str(note))}</p>" for note in found.get("notes", ())]
        except (KeyError, TypeError, AttributeError, ValueError):
            parts.append(unfolded(str(protocol), found))
    return "".join(parts) or NOTHING_MEASURED


def _groups(found: Mapping) -> str:
    """What ``thresholds`` measured: false match rates within each group, at the thresholds before and after."""
    rates = sorted(found["thresholds"], key=float, reverse=True)
    heads = ["Group", "People", *(word for rate in rates for word in (f"{100 * float(rate):g} %", "now"))]
    lines = []
    for row in found["groups"]:
        shares = [row[when][rate] for rate in rates for when in ("before", "after")]
        cells = [escape(str(row["group"])), f"{int(row['people']):,}", *(f"{100 * share:.2f}" for share in shares)]
        lines.append("<tr>" + "".join(f"<td>{cell}</td>" for cell in cells) + "</tr>")
    head = "".join(f"<th>{title}</th>" for title in heads)
    caption = (
        "Strangers of one group taken for each other, in percent: at the thresholds of a stated FMR that were measured "
        "on one protocol, and at those of now. Children decide nothing."
    )
    top = f"<caption>{caption}</caption><thead><tr>{head}</tr></thead>"
    return _table(top, lines)


def _table(top: str, lines: list[str]) -> str:
    """Wider than its column it scrolls by itself, also by the keys."""
    table = f'<table class="measures">{top}<tbody>{"".join(lines)}</tbody></table>'
    return f'<div class="scrolls" tabindex="0" role="group" aria-label="Measures">{table}</div>'


def _rows(protocol: str, rows: list[Mapping]) -> str:
    ranked = any(row.get("rank") for row in rows)
    heads = ["Probe", "Hidden", "Accuracy", "EER", "TPR@1 %", *(["Rank-1"] if ranked else [])]
    lines = []
    for row in rows:
        shares = [row["accuracy"], row["eer"], row["tpr_at_fpr"][RATE]]
        shares += [row["rank"][0] if row.get("rank") else None] if ranked else []
        words = [PROBES.get(row["probe_spectrum"], row["probe_spectrum"]), row["occlusion"]]
        cells = [escape(str(word)) for word in words] + ["–" if s is None else f"{100 * s:.1f}" for s in shares]
        lines.append("<tr>" + "".join(f"<td>{cell}</td>" for cell in cells) + "</tr>")
    counts = rows[0].get("counts", {}) if rows else {}
    what = ", ".join(f"{int(counts[kind]):,} {kind} pairs" for kind in ("genuine", "impostor") if counts.get(kind))
    head = "".join(f"<th>{title}</th>" for title in heads)
    caption = f"{escape(protocol)}{f': {what}' if what else ''}. Gallery: VIS, complete. In percent."
    top = f"<caption>{caption}</caption><thead><tr>{head}</tr></thead>"
    return _table(top, lines)


def training_record(training: Mapping) -> str:
    """``ModelCard.training`` → what it learned from, in words, and the whole record to unfold."""
    if not training:
        return NOTHING_KNOWN
    facts = {name: str(training[name]) for name in ("stage", "variant", "teacher") if name in training}
    data = training.get("data")
    if isinstance(data, Mapping):
        sets = {name: entry for name, entry in data.items() if isinstance(entry, Mapping)}
        facts |= {f"photos of {name}": _photos(entry) for name, entry in sets.items()}
        facts |= {name.replace("_", " "): str(entry) for name, entry in data.items() if name not in sets}
    before = training.get("runs before")
    runs = [*(before if isinstance(before, list) else []), training]
    views = [run["views"] for run in runs if isinstance(run, Mapping) and isinstance(run.get("views"), int)]
    if views:
        facts["views"] = f"{sum(views):,}" + (f" in {len(views)} runs" if len(views) > 1 else "")
    rows = "".join(f"<tr><th>{escape(key)}</th><td>{escape(value)}</td></tr>" for key, value in facts.items())
    return f"<table><tbody>{rows}</tbody></table>" + unfolded("The whole record", training)


def _photos(photos: Mapping) -> str:
    left_out = photos.get("left_out")
    return f"{photos.get('images', 0):,}" + (f" ({left_out:,} left out)" if left_out else "")


def unfolded(title: str, value: object) -> str:
    """Any metadata, closed until it is asked for."""
    return f"<details><summary>{escape(title)}</summary>{tree(value)}</details>"


def tree(value: object) -> str:
    """Nested metadata as nested tables; numbers keep four digits, empty lists say so."""
    if isinstance(value, Mapping):
        rows = "".join(f"<tr><th>{escape(str(key))}</th><td>{tree(entry)}</td></tr>" for key, entry in value.items())
        return f"<table><tbody>{rows}</tbody></table>" if rows else "–"
    if isinstance(value, list):
        return "<br>".join(tree(entry) for entry in value) or "–"
    if isinstance(value, float):
        return f'<span class="whole">{value:.4g}</span>'
    return escape(str(value))
