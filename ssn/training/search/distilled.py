"""What distillation goes on asking during search and fine-tuning, the same in every row.

A short fine-tuning by identities alone makes a network forget strangers. Here every view, masked or not, should still
be where the base's teacher sees its photo, and have the neighbours the teacher gives it.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from ssn.data.face_store import StoredFaces
from ssn.training.distill.loss import ranking_divergence
from ssn.training.distill.recipe import DistillConfig
from ssn.training.distill.targets import Targets
from ssn.training.search.people import TrainingPeople

RIDGE = 1e-4
"""Of the mean square, so that fewer photos than numbers have a solution too."""


class DistilledKnowledge(nn.Module):
    """The teacher's descriptors of the people's photos, and a fixed linear map from embeddings to them, fitted on what
    the untuned base says of the complete photos by least squares with a little ridge. Nothing here is trained or saved.

    ``embeddings`` (R, 256): the base's of the photos, unit rows.
    """

    wanted: Tensor
    map: Tensor

    def __init__(self, faces: StoredFaces, people: TrainingPeople, embeddings: Tensor):
        super().__init__()
        self.config = DistillConfig()
        wanted = Targets(faces, self.config.identity_pull).unit[people.rows].to(embeddings)  # (R, D)
        self.register_buffer("wanted", wanted, persistent=False)
        square = embeddings.T @ embeddings  # (256, 256)
        square.diagonal().add_(RIDGE * square.diagonal().mean())
        self.register_buffer("map", torch.linalg.solve(square, embeddings.T @ wanted), persistent=False)  # (256, D)

    def forward(self, embedding: Tensor, places: Tensor) -> Tensor:
        """Embeddings (N, 256) of views of the photos at ``places`` (N,) → 1 − cosine to the teacher's descriptors, plus
        the divergence between the teacher's and the network's order of all photos by likeness."""
        answer, target = F.normalize(embedding @ self.map, dim=1), self.wanted[places]
        likeness = (1 - (answer * target).sum(dim=1)).mean()
        ranking = ranking_divergence(answer, target, self.wanted, self.config.sharpness) / len(answer)
        return likeness + self.config.ranking * ranking
