"""Targets and the score that is explained."""

import numpy as np
import pytest
import torch

from ssn.errors import ExplanationError, TemplateMismatchError
from ssn.explanation.pair import PairScore, Target, gallery_score, probe_score
from ssn.recognizer import Template
from tests.explanation.toys import LinearEmbedder, smooth_face, target_of


@pytest.fixture
def network() -> LinearEmbedder:
    generator = torch.Generator().manual_seed(0)
    return LinearEmbedder(torch.randn(4, 128 * 128, generator=generator), torch.randn(4, generator=generator))


def test_the_score_is_the_cosine(network):
    face = smooth_face(0)
    x = torch.rand(3, 1, 128, 128)
    target = target_of([1, 2, 3, 4])
    embedding = network(x, None).detach().numpy()
    wanted = embedding @ target.vector / np.linalg.norm(embedding, axis=1)
    np.testing.assert_allclose(probe_score(network, face, target).values(x), wanted, atol=1e-5)


def test_several_templates_are_compared_by_their_mean_direction():
    east, north = Template(np.array([1, 0], np.float32), "m"), Template(np.array([0, 1], np.float32), "m")
    target = Target.person("both", [east, north])
    np.testing.assert_allclose(target.vector, [0.5**0.5, 0.5**0.5], rtol=1e-6)


def test_a_rival_is_subtracted_on_both_sides(network):
    probe, photo = smooth_face(0), smooth_face(1)
    target = target_of([1, 2, 3, 4], face=photo).rather_than(target_of([4, -1, 0, 1]))
    x = torch.rand(2, 1, 128, 128)
    ours = probe_score(network, probe, target).values(x)
    plain = PairScore(network, "vis", torch.from_numpy(target.vector)).values(x)
    rival = PairScore(network, "vis", torch.from_numpy(target.rival)).values(x)
    torch.testing.assert_close(ours, plain - rival)

    vector = np.array([0.6, 0.8, 0, 0], np.float32)
    side = gallery_score(network, vector, target).values(x)
    against_probe = PairScore(network, "vis", torch.from_numpy(vector)).values(x)
    torch.testing.assert_close(side, against_probe - float(target.rival @ vector))


def test_the_digest_follows_everything_the_score_depends_on():
    first = target_of([1, 2, 3])
    others = [
        target_of([1, 2, 4]),
        target_of([1, 2, 3], model_id="other"),
        first.rather_than(target_of([0, 1, 0])),
        target_of([1, 2, 3], face=smooth_face(0)),
        target_of([1, 2, 3], face=smooth_face(0, "nir")),
    ]
    assert len({t.digest for t in [first, *others]}) == 6
    assert target_of([1, 2, 3], name="another name").digest == first.digest


def test_what_cannot_be_compared_is_refused(network):
    one, other = Template(np.eye(2, dtype=np.float32)[0], "m1"), Template(np.eye(2, dtype=np.float32)[1], "m2")
    with pytest.raises(TemplateMismatchError):
        Target.person("mixed", [one, other])
    with pytest.raises(TemplateMismatchError):
        Target.person("a", [one]).rather_than(Target.person("b", [other]))
    with pytest.raises(ExplanationError, match="no template"):
        Target.person("nobody", [])
    with pytest.raises(ExplanationError, match="cancel each other"):
        Target.person("opposites", [one, Template(-one.vector, "m1")])
    with pytest.raises(ExplanationError, match="no photo"):
        gallery_score(network, np.ones(4, np.float32), target_of([1, 2, 3, 4]))
