"""Light CNN by itself: the paper's baseline, as it came and after fine-tuning on training people."""

from __future__ import annotations

from ssn.evaluation.families.family import Family, Material, Prepared, needed


class LightCNN(Prepared):
    """The picture as it is, black where it is hidden."""

    name = "light-cnn"
    title = "Light CNN"
    stands_for = "Light CNN (Tables I–VII)"


class FineTunedLightCNN(Prepared):
    """The same with weights trained further on training people; any checkpoint will do."""

    name = "light-cnn-finetuned"
    title = "Light CNN, fine-tuned"
    stands_for = "Light CNN Finetune (Table VII)"

    @classmethod
    def build(cls, material: Material) -> Family:
        return cls(needed(material.fine_tuned, cls.name, "a checkpoint of fine-tuned weights"))
