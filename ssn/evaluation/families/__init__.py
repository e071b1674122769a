"""The families of the paper's comparison that need no foreign weights. To add one: a file, and a row here."""

from ssn.evaluation.families.combined import Combined
from ssn.evaluation.families.dlib_descriptor import DlibDescriptor
from ssn.evaluation.families.family import Family, Material
from ssn.evaluation.families.inpainting import Inpainting
from ssn.evaluation.families.light_cnn import FineTunedLightCNN, LightCNN
from ssn.evaluation.families.onnx_embedder import OnnxEmbedder
from ssn.evaluation.families.saliency import Saliency
from ssn.evaluation.families.spectrum_transfer import Spectrum

FAMILIES: dict[str, type[Family]] = {
    family.name: family
    for family in (
        LightCNN,
        FineTunedLightCNN,
        Saliency,
        Spectrum,
        Inpainting,
        Combined,
        DlibDescriptor,
        OnnxEmbedder,
    )
}

__all__ = ["FAMILIES", "Family", "Material"]
