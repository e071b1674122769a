"""An evaluation as a table to read and as JSON for scripts."""

from __future__ import annotations

from dataclasses import asdict

from ssn.evaluation.run import Evaluation
from ssn.files import write_json as write_json

SPECTRUM_NAMES = {"vis": "VIS", "nir": "NIR", "nir-simulated": "simulated NIR"}


def as_table(evaluation: Evaluation) -> str:
    """Fixed-width text, one line per row of the evaluation; shares in percent."""
    head = f"{'probe (gallery VIS)':<20}{'occlusion':<12}{'AUC':>7}{'EER':>7}{'acc.':>7}"
    head += f"{'TPR@1%':>9}{'TPR@.1%':>9}{'Rank-1':>8}"
    lines = [f"model {evaluation.model}, protocol {evaluation.protocol}", head]
    for row in evaluation.rows:
        shares = [row.auc, row.eer, row.accuracy]
        text = "".join(f"{100 * value:>7.1f}" for value in shares)
        text += "".join(f"{100 * row.tpr_at_fpr[rate]:>9.1f}" for rate in ("0.01", "0.001"))
        text += f"{100 * row.rank[0]:>8.1f}" if row.rank else f"{'–':>8}"
        lines.append(f"{SPECTRUM_NAMES[row.probe_spectrum]:<20}{row.occlusion:<12}{text}")
    counts = evaluation.rows[0].counts
    lines.append(
        f"{counts['genuine']} genuine and {counts['impostor']} impostor comparisons; {counts['probes']} probes, "
        f"{counts['gallery']} enrolled; {counts['no_face']} photos without a detected face"
    )
    return "\n".join([*lines, *evaluation.notes])


def as_json(evaluation: Evaluation) -> dict:
    """The documented form: ``{"model", "protocol", "rows": [...], "notes"}``; shares in [0, 1]."""
    return {**asdict(evaluation), "notes": list(evaluation.notes)}
