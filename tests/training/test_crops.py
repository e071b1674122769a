"""Where crops are drawn from, and what a draw hands over."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch

from ssn.training.ahead import tensors_in
from ssn.training.crops import Crops


def test_on_a_processor_rows_are_read_as_they_are_asked_for_and_one_generator_draws_all():
    class Pixels:
        """Rows that say which were read."""

        shape, asked = (9, 4, 4, 3), []

        def __getitem__(self, rows):
            self.asked.append(list(rows))
            return np.stack([np.full(self.shape[1:], row, np.uint8) for row in rows])

    pixels = Pixels()
    crops = Crops(pixels)
    assert pixels.asked == []
    found = crops.at(np.array([3, 8, 3]))
    assert found.dtype == torch.uint8
    assert found[:, 0, 0, 0].tolist() == [3, 8, 3]
    assert pixels.asked == [[3, 8, 3]]
    generator = torch.Generator().manual_seed(4)
    assert crops.drawing(generator) is generator


def test_every_tensor_of_a_draw_is_handed_over():
    @dataclass(frozen=True)
    class Drawn:
        views: torch.Tensor
        mask: torch.Tensor | None
        roll: int

    a, b, c = (torch.zeros(n) for n in (1, 2, 3))
    found = list(tensors_in(([Drawn(a, None, 1), Drawn(b, c, 2)], 5)))
    assert [len(tensor) for tensor in found] == [1, 2, 3]
