"""A recognizer that runs an exported ONNX file in onnxruntime in place of PyTorch. Explanations need gradients, which
such a file does not have: they run in PyTorch, from the checkpoint that the file was exported from."""

from __future__ import annotations

import json
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from ssn.errors import ExportError, OptionError
from ssn.export.formats import KEY, SAID_BY_EXPORT, beside, onnx_session
from ssn.faces.types import AlignedFace
from ssn.machine import choose_device
from ssn.memory import memory_in_words
from ssn.models.block_maps import BlockMap
from ssn.models.card import ModelCard
from ssn.models.checkpoint import DEFAULT_CHECKPOINT, load_model
from ssn.models.network import SaliencySearchNetwork
from ssn.recognizer import Recognizer, Template

ENGINES = {
    "torch": "PyTorch",
    "onnx": "onnxruntime, from the file that `ssn export --format onnx --maps` wrote beside the checkpoint; "
    "explanations still run in PyTorch",
}
"""What may compute templates and maps, in words."""


def load_recognizer(
    checkpoint: str | Path = DEFAULT_CHECKPOINT,
    device: str = "auto",
    engine: str = "torch",
    maps: bool = False,
    precision: str = "float32",
) -> Recognizer:
    """A checkpoint in one of ``ENGINES``. ``onnx`` runs the ONNX file that was exported from the checkpoint and lies
    beside it, or ``checkpoint`` itself where that is the ONNX file; ``maps`` says that it has to answer maps too.
    ``precision`` is one of ``PRECISIONS``: what probes are looked at in; onnxruntime has float32 only.

    Raises OptionError, CheckpointError, DeviceError, ExportError, MissingPackageError.
    """
    if engine not in ENGINES:
        raise OptionError(f"{engine!r} is no engine.", f"Use one of {', '.join(ENGINES)}.")
    if engine == "torch":
        return Recognizer.load(checkpoint, device, precision)
    if precision == "bfloat16":
        raise OptionError("The engine onnx computes in float32.", "Leave out --precision, or use --engine torch.")
    if choose_device(device).type != "cpu" and device != "auto":
        raise OptionError("The engine onnx runs on the processor.", "Leave out --device, or use --engine torch.")
    path = Path(checkpoint)
    if path.suffix == ".onnx":
        return OnnxRecognizer(path, maps=maps)
    return OnnxRecognizer(beside(path, "onnx"), path, maps)


class OnnxRecognizer(Recognizer):
    """As ``Recognizer``, with templates and maps from onnxruntime, in single precision and on the processor.

    The PyTorch network is loaded when somebody asks for it, from ``checkpoint``, whose tensors must be those that were
    exported.
    """

    engine = "onnxruntime; explanations run in PyTorch"

    def __init__(self, file: str | Path, checkpoint: Path | None = None, maps: bool = False):
        """Raises ExportError where there is no such file, where it is not one of ours, or has no maps and ``maps`` asks
        for them; MissingPackageError."""
        self.file, self.checkpoint = Path(file), checkpoint
        if not self.file.is_file():
            source = "" if checkpoint is None else f" --checkpoint {checkpoint}"
            raise ExportError(
                f"There is no exported file {self.file}.",
                f"Make it with: python -m ssn export --format onnx --maps{source}",
            )
        self.device, self.half = torch.device("cpu"), False
        self._session = onnx_session(self.file)
        known = _known(self._session, self.file)
        self.card, self._channels, self._width = ModelCard(**known["model"]), known["channels"], known["width"]
        self._inputs = {given.name for given in self._session.get_inputs()}
        self.maps = bool(known["maps"])
        if maps and not self.maps:
            raise ExportError(f"{self.file.name} has no block maps.", "Export it again with --maps.")

    @cached_property
    def network(self) -> SaliencySearchNetwork:  # type: ignore[override]
        """The network in PyTorch. Raises ExportError where its checkpoint is not known or is another one by now."""
        if self.checkpoint is None:
            raise ExportError(
                f"{self.file.name} has no gradients, which this needs.",
                "Start with the checkpoint it was exported from.",
            )
        network, card = load_model(self.checkpoint)
        if card.model_id != self.card.model_id:
            raise ExportError(
                f"{self.file.name} is of {self.card.model_id}, {self.checkpoint.name} is {card.model_id}.",
                "Export the checkpoint again.",
            )
        return network.to(memory_format=torch.channels_last)

    @property
    def adaptive(self) -> bool:
        return "mask" in self._inputs

    @property
    def width(self) -> int:
        return self._width

    def _run(self, gray: Tensor, branch: Tensor, told: Tensor | None) -> list[np.ndarray]:
        given = {"face": gray.numpy(), "spectrum": branch.numpy()}
        if self.adaptive:
            given["mask"] = (torch.full_like(gray, -1.0) if told is None else told).numpy()
        return self._session.run(None, given)

    def _units(self, gray: Tensor, branch: Tensor, told: Tensor | None, fast: bool) -> Tensor:
        return torch.from_numpy(self._run(gray, branch, told)[0])

    def looks(self, faces: list[AlignedFace]) -> list[tuple[Template, list[BlockMap]]]:
        if not self.maps:
            raise ExportError(f"{self.file.name} has no block maps.", "Export it again with --maps.")
        if not faces:
            return []
        with memory_in_words():
            vectors, *maps = self._run(self._pixels(faces), self._branch(faces), self._told(faces))
        blocks = list(zip(self._channels, maps[::2], maps[1::2], strict=True))
        return [
            (
                Template(vectors[place], self.model_id, face.spectrum),
                [
                    BlockMap(number, channels, indicator[place], response[place])
                    for number, (channels, response, indicator) in enumerate(blocks, start=1)
                ],
            )
            for place, face in enumerate(faces)
        ]


def _known(session: Any, file: Path) -> dict:
    """What the export wrote into the file. Raises ExportError for a file of somebody else."""
    try:
        known = json.loads(session.get_modelmeta().custom_metadata_map[KEY])
        ours = known["format"] == SAID_BY_EXPORT and known["kind"] == "embedder"
    except (KeyError, ValueError, TypeError) as error:
        raise ExportError(f"{file.name} was not exported by this project.", "Export a checkpoint.") from error
    if not ours:
        raise ExportError(f"{file.name} holds no embedder of this version.", "Export the checkpoint again.")
    return known
