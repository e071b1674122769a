"""What a step saw is read when it is asked for."""

from __future__ import annotations

import torch

from ssn.training.seen import Seen


class Watched(torch.Tensor):
    """A number that says when it was read."""

    reads = 0

    def __float__(self) -> float:
        Watched.reads += 1
        return super().__float__()


def test_numbers_are_read_when_they_are_asked_for_and_not_before():
    number = torch.tensor(2.5, requires_grad=True).as_subclass(Watched)
    seen = Seen({"loss": number, "rate": 0.1})
    joined = Seen({**seen.unread, "more": 3.0})
    assert Watched.reads == 0
    assert list(joined) == ["loss", "rate", "more"]
    assert len(joined) == 3
    assert Watched.reads == 0
    assert dict(joined) == {"loss": 2.5, "rate": 0.1, "more": 3.0}
    assert Watched.reads == 1
    assert not seen.unread["loss"].requires_grad
