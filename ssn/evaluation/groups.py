"""A run by group of people, where the protocol knows their groups: are the errors shared evenly?

Within a group only its own people are compared: other groups' impostors are easier, and would hide what differs.
"""

from __future__ import annotations

import numpy as np

from ssn.evaluation import metrics
from ssn.evaluation.report_parts import GroupRow, kind_name
from ssn.evaluation.scores import Comparisons, ScoreFile, ScoreRow


def group_rows(scores: ScoreFile) -> list[GroupRow]:
    """Every row of the run for every group with genuine and impostor comparisons; nothing where no group is known."""
    who = scores.comparisons
    if not len(who.probe_groups):
        return []
    names = sorted(set(who.probe_groups[who.probe_groups != ""].tolist()))
    rows = ((name, row, _measures(row, who, name)) for row in scores.rows() for name in names)
    return [
        GroupRow(f"{name}; {kind_name(row.spectrum, row.occlusion)}", _people(who, name), measures)
        for name, row, measures in rows
        if measures
    ]


def _people(who: Comparisons, group: str) -> int:
    return len(np.unique(who.probe_people[who.probe_groups == group]))


def _measures(row: ScoreRow, who: Comparisons, group: str) -> dict[str, float]:
    """EER and TPR among the group's own people, and the share of its probes that find their person among everybody
    enrolled."""
    compared = row.verification(who)
    own = (who.probe_groups[compared.probe] == group) & (who.gallery_groups[compared.gallery] == group)
    values, same = compared.scores[own], compared.same[own]
    if not same.any() or same.all():
        return {}
    measures = {"eer": metrics.eer(values, same), "tpr_at_0.01": metrics.tpr_at_fpr(values, same, 0.01)}
    ranks = metrics.mate_ranks(*row.identification(who)) if row.matrix.size else np.zeros(0, int)
    mine = ranks[(who.probe_groups[row.searched] == group) & (ranks > 0)] if len(ranks) else ranks
    return measures | ({"rank1": float((mine == 1).mean())} if len(mine) else {})
