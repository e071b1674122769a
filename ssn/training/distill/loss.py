"""What stage 0 minimises."""

from __future__ import annotations

import torch.nn.functional as F
from torch import Tensor, nn

from ssn.training.distill.recipe import DistillConfig
from ssn.training.team import whole_batch


def ranking_divergence(answer: Tensor, target: Tensor, bank: Tensor, sharpness: float) -> Tensor:
    """How far the order in which answers (N, D) rank the rows of ``bank`` (M, D) by likeness is from the targets' (N,
    D), all of unit length: the Kullback–Leibler divergence of the two softmax distributions, summed over N."""
    ranked, wanted = (F.log_softmax(sharpness * side @ bank.T, dim=1) for side in (answer, target))  # (N, M)
    return F.kl_div(ranked, wanted, reduction="sum", log_target=True)


def distillation_loss(
    embedding: Tensor, head: nn.Linear, target: Tensor, bank: Tensor, config: DistillConfig
) -> dict[str, Tensor]:
    """Embeddings (N, 256) and centred descriptors (N, D) of unit length → the weighted terms of the loss.

    *Likeness*: 1 − cosine between the head's answer and the descriptor. *Relation*: the squared difference of the
    batch's two similarity matrices, taken on the embedding itself, since that is what is compared later. *Ranking*:
    among ``bank`` (M, D), the centred descriptors of all training faces, the answer should rank its neighbours as the
    teacher does. Where several processes share a batch, N is this process's share and the terms are its part: their sum
    is the loss.
    """
    everyone, wanted_of_all = whole_batch(F.normalize(embedding, dim=1)), whole_batch(target)
    count = len(everyone)
    answer = F.normalize(head(embedding), dim=1)
    likeness = (1 - (answer * target).sum(dim=1)).sum() / count
    difference = F.normalize(embedding, dim=1) @ everyone.T - target @ wanted_of_all.T  # (N, all), 0 for oneself
    relation = difference.square().sum() / (count * (count - 1))
    ranking = ranking_divergence(answer, target, bank, config.sharpness) / count
    return {"likeness": likeness, "relation": config.relation * relation, "ranking": config.ranking * ranking}
