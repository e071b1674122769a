"""Faces are found on a GPU where the processor finds them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from ssn.faces.mtcnn import Cascade
from tests.gpu.comparison import CPU

pytestmark = pytest.mark.gpu
DEMO = Path(__file__).resolve().parents[2] / "assets" / "demo"


@pytest.mark.parametrize("name", ["ada-vis.jpg", "ben-nir-1.jpg"])
def test_boxes_and_points(name, device):
    pytest.importorskip("facenet_pytorch", reason="its networks find faces")
    picture = np.asarray(Image.open(DEMO / name).convert("RGB"))
    both = np.concatenate([picture, picture[:, ::-1]], axis=1)
    (here, sure, points), (there, as_sure, others) = (Cascade(where, 40.0)(both) for where in (CPU, device))
    assert len(here) == len(there) == 2
    assert np.abs(here - there).max() < 0.05
    assert np.abs(points - others).max() < 0.05
    assert as_sure == pytest.approx(sure, abs=1e-4)
