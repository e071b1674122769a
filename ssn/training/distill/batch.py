"""What stage 0 is shown at each step.

3/4 of a batch are different faces; the rest are partners: any photo of the same person where the person is known, else
another view of the same photo, shown in the other spectrum. Half of the views are NIR: a person's real NIR photo where
there is one, else a VIS photo in simulated NIR.

Every random choice of step ``i`` comes from a generator seeded by (seed, i): a resumed run needs only its step number
to go on as if it had never stopped.
"""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from ssn.data.face_store import StoredFaces
from ssn.training.augment import random_views
from ssn.training.crops import Crops
from ssn.training.distill.recipe import DistillConfig
from ssn.training.distill.targets import Targets
from ssn.training.spectra import Spectra
from ssn.training.transfer import to_device


class Batches:
    """An endless, numbered supply: ``batches(step)`` depends on the faces, the recipe and the step alone. Views are
    drawn where the ``crops`` are, which without any is here."""

    def __init__(self, faces: StoredFaces, targets: Targets, config: DistillConfig, crops: Crops | None = None):
        self.faces, self.targets, self.config = faces, targets, config
        self.crops = crops or Crops(faces.pixels)
        self.spectra = Spectra(faces, config.simulate_nir)
        self._shown = {nir: self.spectra.shown_in(nir) for nir in (False, True)}

    def __call__(self, step: int, size: int | None = None) -> tuple[Tensor, Tensor]:
        """The views (batch, 1, S, S) and targets (batch, D) of one step; of ``size`` S, by default the recipe's."""
        config = self.config
        generator = torch.Generator().manual_seed(config.seed * 1_000_003 + step)
        rows, nir = self.choose(step, generator)
        simulated = torch.from_numpy(nir & ~self.spectra.nir[rows])
        drawing, size = self.crops.drawing(generator), size or config.size_at(step)
        views, _ = random_views(self.crops.at(rows), simulated, size, drawing, config.views)
        return views, to_device(self.targets.unit[rows], self.crops.device)

    def choose(self, step: int, generator: torch.Generator) -> tuple[np.ndarray, np.ndarray]:
        """Rows (batch,) of the faces of one step, and which are shown in NIR (batch,) bool."""
        rows = self._next_rows(step)
        wanted = (torch.rand(len(rows), generator=generator) < 0.5).tolist()
        chosen = [
            (row, nir) if self._shown[nir][row] else self._of_person(row, nir, generator)
            for row, nir in zip(rows, wanted, strict=True)
        ]
        chosen += [self._of_person(row, not nir, generator) for row, nir in chosen[: self.config.partners]]
        places, nir = zip(*chosen, strict=True)
        return np.array(places), np.array(nir)

    def _next_rows(self, step: int) -> list[int]:
        """Different faces, epoch by epoch each in an order of its own."""
        fresh = self.config.batch - self.config.partners
        epoch, place = divmod(step * fresh, len(self.faces))
        rows: list[int] = []
        while len(rows) < fresh:
            order = np.random.default_rng((self.config.seed, epoch)).permutation(len(self.faces))
            rows += order[place : place + fresh - len(rows)].tolist()
            epoch, place = epoch + 1, 0
        return rows

    def _of_person(self, row: int, nir: bool, generator: torch.Generator) -> tuple[int, bool]:
        """Any photo of the person at ``row`` in that spectrum; where there is none, any in its own."""
        family = self.targets.members.get(int(self.faces.identities[row]), np.array([row]))
        able = family[self._shown[nir][family]]
        family, nir = (able, nir) if len(able) else (family, bool(self.spectra.nir[row]))
        return int(family[int(torch.randint(len(family), (1,), generator=generator))]), nir
