"""What others published on the sets of the paper: reference data, never a result of this project.

All figures are in percent, on complete or occluded *real* NIR probes against VIS photos. They stand beside a
measurement only where set and occlusion are the same.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from ssn.evaluation import published_figures as text
from ssn.faces.occlude import Occlusion

SETS = {
    "casia": "CASIA NIR-VIS 2.0",
    "lamp_hq": "LAMP-HQ",
    "buaa": "BUAA-VisNir",
    "oulu": "Oulu-CASIA NIR-VIS",
}
"""Names a data set has on the command line → names in print."""

PAPER = "Luo et al., IEEE TIFS 16 (2021)"
COMPLETE = ("rank1", "tpr_at_0.01", "tpr_at_0.001")
PARTIAL = ("auc", "eer", "tpr_at_0.01", "tpr_at_0.001", "rank1", "rank2", "rank3", "rank4")
COLUMNS: dict[str, tuple[str, ...]] = {
    "I": COMPLETE,
    "II": COMPLETE,
    "III": COMPLETE,
    "IV": PARTIAL,
    "V": PARTIAL,
    "VI": ("auc", "tpr_at_0.01", "tpr_at_0.001", "rank1"),
    "VII": (*PARTIAL, "rank5"),
}
"""The measures of each table, in its order of columns."""

TRADITIONAL = {
    "II": ("DSIFT", "CDFL", "Gabor+RBM", "H2(LBP3)", "CEFD", "Recon.+UDP"),
    "III": ("MPL3", "KCSR", "KPS", "KDSR", "H2(LBP3)"),
}
REMARKS = {
    ("II", "DLFace"): "printed with reference [71]; DLFace is the paper's [29]",
    ("III", "PCFH"): "printed with the same three figures for both sets",
    ("IV", "VSANet + LBAM", "maskBottom"): "an AUC of 99.8 does not go with an EER of 5.3; printed so",
}


@dataclass(frozen=True)
class Figure:
    """A share in percent, printed with ``digits`` decimals, and its standard deviation over the folds where there is
    one."""

    mean: float
    deviation: float | None = None
    digits: int = 1

    def __str__(self) -> str:
        mean = f"{self.mean:.{self.digits}f}"
        return mean if self.deviation is None else f"{mean}±{self.deviation:.{self.digits}f}"


@dataclass(frozen=True)
class PublishedRow:
    """One method on one set. ``figures``: measure → Figure; what the table leaves out is left out. ``source`` names
    paper and table, ``reference`` is the number the table gives the method, ``remark`` says what looks wrong there."""

    method: str
    group: str
    occlusion: Occlusion
    set: str
    figures: dict[str, Figure]
    source: str
    reference: str = ""
    remark: str = ""


def _figures(columns: tuple[str, ...], words: list[str]) -> dict[str, Figure]:
    """Words such as "99.9±0.1", "78" or "-" → figures. Raises ValueError where they are not as many as columns."""
    return {name: _figure(word) for name, word in zip(columns, words, strict=True) if word != "-"}


def _figure(word: str) -> Figure:
    mean, _, deviation = word.partition("±")
    return Figure(float(mean), float(deviation) if deviation else None, max(1, len(mean.partition(".")[2])))


def _group(table: str, method: str) -> str:
    """The group a table, its caption or the text about it puts a method in."""
    if method in ("Ours", "SSN (Ours)"):
        return "the paper's method"
    if table == "VII":
        return "ablation"
    if method == "Light CNN":
        return "baseline"
    if table in ("I", "II", "III"):
        return "traditional" if method in TRADITIONAL.get(table, ()) else "deep learning"
    if " + " in method:
        return "fusion, A + B"
    groups = {"GCPANet": "saliency detection", "EGNet": "saliency detection"}
    groups |= {"LBAM": "visual face completion", "DFNet": "visual face completion"}
    return groups.get(method.split("_")[0], "NIR-VIS HFR")


def _method(printed: str) -> tuple[str, str]:
    """ "VSANet [17] + LBAM [83]" → "VSANet + LBAM", "[17], [83]"."""
    return re.sub(r"\s*\[\d+\]", "", printed).strip(), ", ".join(re.findall(r"\[\d+\]", printed))


def _rows(table: str, block: str, sets: tuple[str, ...], occlusion: Occlusion = "none") -> list[PublishedRow]:
    """A block of lines → rows, set by set. A line that is only the name of an occlusion holds for those below."""
    rows: dict[str, list[PublishedRow]] = {name: [] for name in sets}
    for line in block.strip().splitlines():
        if line in ("maskTop", "maskBottom"):
            occlusion = line
            continue
        printed, *parts = (part.strip() for part in line.split("|"))
        method, reference = _method(printed)
        remark = REMARKS.get((table, method)) or REMARKS.get((table, method, occlusion), "")
        for name, part in zip(sets, parts, strict=True):
            figures = _figures(COLUMNS[table], part.split())
            group, source = _group(table, method), f"{PAPER}, Table {table}"
            rows[name].append(PublishedRow(method, group, occlusion, name, figures, source, reference, remark))
    return [row for name in sets for row in rows[name]]


def _later() -> list[PublishedRow]:
    rows = []
    for line in text.LATER_FIGURES.strip().splitlines():
        name, method, figures = (part.strip() for part in line.split("|"))
        shares = _figures((*COMPLETE, "tpr_at_0.0001"), figures.split())
        rows.append(PublishedRow(method, "later", "none", name, shares, "the method's own publication"))
    return rows


_CASIA, _LAMP, _BUAA, _OULU = SETS.values()

TABLES: dict[str, list[PublishedRow]] = {
    "I": _rows("I", text.TABLE_I, (_LAMP,)),
    "II": _rows("II", text.TABLE_II, (_CASIA,)),
    "III": _rows("III", text.TABLE_III, (_BUAA, _OULU)),
    "IV": _rows("IV", text.TABLE_IV, (_CASIA,)),
    "V": _rows("V", text.TABLE_V, (_LAMP,)),
    "VI": _rows("VI", text.TABLE_VI, (_BUAA, _OULU)),
    "VII": _rows("VII", text.TABLE_VII, (_CASIA,), "maskBottom"),
}
"""Tables I–VII of the paper, row by row."""

LATER: list[PublishedRow] = _later()
"""Figures published after the paper, with the paper's own beside them; complete faces only: for occluded ones there
were none but the paper's."""


def beside(set_name: str, occlusion: str, spectrum: str = "nir") -> list[PublishedRow]:
    """Published rows for the same set (either of its names) and occlusion, the paper's tables first. None for simulated
    NIR or VIS probes: nothing was published of those."""
    if spectrum != "nir":
        return []
    name = SETS.get(set_name, set_name)
    rows = [row for rows in TABLES.values() for row in rows] + [row for row in LATER if row.method != "SSN (the paper)"]
    return [row for row in rows if (row.set, row.occlusion) == (name, occlusion)]


def set_of(protocol: str) -> str | None:
    """The set, as printed, that a protocol's name begins with, by either of the set's names; None for another."""
    named = [(key, name) for name, printed in SETS.items() for key, name in ((name, printed), (printed, printed))]
    return next((name for key, name in named if protocol.lower().startswith(key.lower())), None)


def table_of(set_name: str, occlusion: str) -> str | None:
    """Which of Tables I–VI compares methods on that set (either of its names) under that occlusion."""
    name = SETS.get(set_name, set_name)
    holds = (t for t, rows in TABLES.items() if any((r.set, r.occlusion) == (name, occlusion) for r in rows))
    return next(holds, None)
