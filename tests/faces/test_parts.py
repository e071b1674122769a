"""The parts of a face lie where its landmarks are."""

import numpy as np

from ssn.faces.parts import REGIONS, region_labels, region_sums
from tests.explanation.toys import plain_landmarks


def test_regions_lie_where_their_landmarks_are():
    landmarks = plain_landmarks()
    labels = region_labels(landmarks)
    at = lambda point: REGIONS[labels[round(point[1]), round(point[0])]]  # noqa: E731
    assert at(landmarks[36:42].mean(axis=0)) == "eyes"
    assert at(landmarks[42:48].mean(axis=0)) == "eyes"
    assert at(landmarks[19]) == "brows"
    assert at(landmarks[30]) == "nose"
    assert at(landmarks[48:60].mean(axis=0)) == "mouth"
    assert at(landmarks[8] - [0, 6]) == "jaw"
    assert at([64, 14]) == "forehead"
    assert at([34, 64]) == "cheeks"
    assert at([2, 2]) == "around"
    assert sum(region_sums(np.ones((128, 128)), labels).values()) == 128 * 128


def test_regions_are_as_symmetric_as_the_face():
    labels = region_labels(plain_landmarks())
    assert (labels[:, 1:] == labels[:, 1:][:, ::-1]).mean() > 0.98
