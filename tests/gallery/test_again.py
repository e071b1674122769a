"""Templates that are deleted while they are read."""

from __future__ import annotations

import pytest

from ssn.errors import GalleryError, TemplateGoneError
from ssn.gallery.again import ATTEMPTS, while_templates_go


@pytest.mark.parametrize("failures", [0, 1, ATTEMPTS - 1])
def test_it_is_read_again_while_templates_go(failures):
    left = [TemplateGoneError("gone")] * failures

    def read() -> str:
        if left:
            raise left.pop()
        return "read"

    assert while_templates_go(read) == "read"
    assert not left


def test_what_is_missing_every_time_is_told_and_other_faults_at_once():
    tried = []

    def read() -> None:
        tried.append(1)
        raise TemplateGoneError("gone")

    with pytest.raises(TemplateGoneError):
        while_templates_go(read)
    assert len(tried) == ATTEMPTS

    def closed() -> None:
        tried.append(1)
        raise GalleryError("closed")

    with pytest.raises(GalleryError, match="closed"):
        while_templates_go(closed)
    assert len(tried) == ATTEMPTS + 1
