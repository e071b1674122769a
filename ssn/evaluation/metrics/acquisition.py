"""Failures to acquire and to enrol, counted as ISO/IEC 19795-1 does: a photo without a face is an error of the system.

Rates over comparisons leave such photos out. The generalised rates put them back: who could not be photographed is not
recognised (a false non-match), and is not taken for anybody else either.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Acquisition:
    """How many probes were presented and how many of them failed; the same for photos to be enrolled."""

    probes: int
    failed_probes: int
    enrolments: int
    failed_enrolments: int

    def __post_init__(self):
        for total, failed in ((self.probes, self.failed_probes), (self.enrolments, self.failed_enrolments)):
            if not 0 <= failed <= total or total == 0:
                raise ValueError(f"{failed} failures of {total} attempts cannot be")

    @property
    def fta(self) -> float:
        """Failure-to-acquire rate: share of the probes no template could be made of; in [0, 1]."""
        return self.failed_probes / self.probes

    @property
    def fte(self) -> float:
        """Failure-to-enrol rate: share of the photos to enrol that no template could be made of; in [0, 1]."""
        return self.failed_enrolments / self.enrolments

    @property
    def compared(self) -> float:
        """Share of intended comparisons that could be made: (1 − FTA)(1 − FTE)."""
        return (1 - self.fta) * (1 - self.fte)

    def generalised_fmr(self, fmr: float) -> float:
        """GFAR of ISO/IEC 19795-1: FMR · (1 − FTA)(1 − FTE)."""
        return fmr * self.compared

    def generalised_fnmr(self, fnmr: float) -> float:
        """GFRR of ISO/IEC 19795-1: 1 − (1 − FNMR)(1 − FTA)(1 − FTE), i.e. FNMR with all failures among the misses."""
        return 1 - (1 - fnmr) * self.compared
