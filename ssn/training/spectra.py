"""Which spectrum a stored face may be shown in: as it was taken, or in NIR simulated from VIS where nothing real is."""

from __future__ import annotations

import numpy as np

from ssn.data.face_store import StoredFaces


class Spectra:
    """``nir`` (N,) bool: near-infrared already, from a camera or drawn as such, which is shown as it is and never
    simulated again. ``simulated`` (N,) bool: VIS that may be shown in simulated NIR. Those are the photos of people of
    whom there is no NIR photo, and of unknown people in sets that hold none; with ``simulate`` all VIS photos."""

    def __init__(self, faces: StoredFaces, simulate: bool = False):
        self.nir = np.asarray(faces.nir, bool)
        known = np.asarray(faces.identities) >= 0
        has_real = np.where(
            known,
            np.isin(faces.identities, np.unique(faces.identities[self.nir & known])),
            np.isin(faces.sources, np.unique(faces.sources[self.nir])),
        )
        self.simulated = ~self.nir & (simulate | ~has_real)
        self.drawn = self.nir & faces.drawn_as_nir()

    @property
    def real(self) -> bool:
        """Is any photo from a near-infrared camera?"""
        return bool((self.nir & ~self.drawn).any())

    def shown_in(self, nir: bool) -> np.ndarray:
        """(N,) bool: the faces that may be shown in NIR, or in VIS."""
        return self.nir | self.simulated if nir else ~self.nir

    @property
    def words(self) -> str:
        """For cards, logs and tables: what NIR was in this training."""
        if not self.real:
            return "simulated"
        return "real and simulated" if self.simulated.any() or self.drawn.any() else "real"
