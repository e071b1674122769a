"""A + B: the paper's fusion rows, which first transfer a probe to VIS (A) and then complete it (B)."""

from __future__ import annotations

from ssn.evaluation.families.inpainting import inpainted
from ssn.evaluation.families.spectrum_transfer import Transferred
from ssn.faces.types import AlignedFace


class Combined(Transferred):
    """Spectrum transfer, then inpainting."""

    name = "spectrum-transfer+inpainting"
    title = "NIR → VIS curves + inpainting → Light CNN"
    stands_for = "VSANet, PCFH, PACH + LBAM, DFNet (Tables IV–VI)"

    def prepare(self, face: AlignedFace) -> AlignedFace:
        return inpainted(self.transfer(face))
