"""The formats a network can be exported to: how a file is written, and how it is run without our code."""

from __future__ import annotations

import contextlib
import importlib
import json
import warnings
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import torch

from ssn.errors import ExportError, MissingPackageError
from ssn.export.portable import Portable

KEY = "ssn_studio"
"""Under which a file keeps what is known of its model, as JSON."""
SAID_BY_EXPORT = "ssn-studio-export-1"
"""What such a file calls itself there."""
OPSET = 18

Answers = dict[str, np.ndarray]
Run = Callable[[Mapping[str, np.ndarray]], Answers]


def needed(package: str, extra: str, purpose: str) -> ModuleType:
    """An optional package. Raises MissingPackageError."""
    try:
        return importlib.import_module(package)
    except ImportError as error:
        raise MissingPackageError(package, extra, purpose) from error


@dataclass(frozen=True)
class Format:
    """``write`` (network, path, what is kept in the file) makes a file with this ``suffix``, and beside it those with
    the suffixes of ``parts``; ``run`` (network, path) opens it with the format's own program. The network tells ``run``
    names only, but for a format that holds weights and no graph."""

    suffix: str
    write: Callable[[Portable, Path, dict], None]
    run: Callable[[Portable, Path], Run]
    parts: tuple[str, ...] = ()


@contextlib.contextmanager
def _quietly() -> Iterator[None]:
    """Without what PyTorch says of tracing: that it is an old way, and that shapes which never change are fixed."""
    with warnings.catch_warnings():
        for kind in (FutureWarning, DeprecationWarning, UserWarning, torch.jit.TracerWarning):
            warnings.simplefilter("ignore", kind)
        yield


def write_onnx(portable: Portable, path: Path, known: dict) -> None:
    """Opset 18, one file, any batch. Raises MissingPackageError."""
    for package in ("onnx", "onnxscript", "onnxruntime"):
        needed(package, "onnx", "Exporting to ONNX")
    batch = torch.export.Dim("batch")
    with _quietly():
        program = torch.onnx.export(
            portable,
            portable.example(),
            dynamo=True,
            opset_version=OPSET,
            input_names=list(portable.inputs),
            output_names=list(portable.outputs),
            dynamic_shapes=tuple({0: batch} for _ in portable.inputs),
            verbose=False,
        )
    assert program is not None
    program.model.metadata_props[KEY] = json.dumps(known)
    program.save(str(path), external_data=False)


def onnx_session(path: Path, threads: int | None = None) -> Any:
    """A file in onnxruntime, on the processor, with as many threads as PyTorch. Raises MissingPackageError,
    ExportError."""
    runtime = needed("onnxruntime", "onnx", "Running an ONNX file")
    options = runtime.SessionOptions()
    options.intra_op_num_threads = threads or torch.get_num_threads()
    options.log_severity_level = 3
    try:
        return runtime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
    except Exception as error:  # onnxruntime has no common base for its errors
        raise ExportError(f"{path.name} is no ONNX file that can be run.", "Export it again.") from error


def _run_onnx(portable: Portable, path: Path) -> Run:
    session = onnx_session(path)
    names = [output.name for output in session.get_outputs()]
    return lambda given: dict(zip(names, session.run(None, dict(given)), strict=True))


def _traced(portable: Portable) -> torch.jit.ScriptModule:
    with torch.no_grad(), _quietly():
        return torch.jit.trace(portable, portable.example(), check_trace=False)


def write_torchscript(portable: Portable, path: Path, known: dict) -> None:
    """For ``torch.jit.load``, in Python or C++: the outputs are a tuple, in their order."""
    with _quietly():
        torch.jit.save(_traced(portable), str(path), _extra_files={KEY: json.dumps(known)})


def _run_torchscript(portable: Portable, path: Path) -> Run:
    with _quietly():
        loaded = torch.jit.load(str(path), map_location="cpu")

    def run(given: Mapping[str, np.ndarray]) -> Answers:
        with torch.no_grad():
            answers = loaded(*(torch.from_numpy(given[name]) for name in portable.inputs))
        return {name: answer.numpy() for name, answer in zip(portable.outputs, answers, strict=True)}

    return run


def write_openvino(portable: Portable, path: Path, known: dict) -> None:
    """OpenVINO's .xml, with its weights in a .bin beside it, in single precision. Raises MissingPackageError."""
    openvino = needed("openvino", "openvino", "Exporting to OpenVINO")
    model = openvino.convert_model(_traced(portable), example_input=portable.example())
    for ports, names in ((model.inputs, portable.inputs), (model.outputs, portable.outputs)):
        for port, name in zip(ports, names, strict=True):
            port.get_tensor().set_names({name})
    shapes = {name: [-1, *shape.shape[1:]] for name, shape in zip(portable.inputs, portable.example(), strict=True)}
    model.reshape(shapes)
    model.set_rt_info(json.dumps(known), KEY)
    openvino.save_model(model, str(path), compress_to_fp16=False)


def openvino_model(path: Path, threads: int | None = None) -> Any:
    """A compiled model, in single precision also where the processor has bfloat16. Raises MissingPackageError."""
    openvino = needed("openvino", "openvino", "Running an OpenVINO file")
    settings = {"INFERENCE_NUM_THREADS": threads or torch.get_num_threads(), "INFERENCE_PRECISION_HINT": "f32"}
    return openvino.Core().compile_model(str(path), "CPU", settings)


def _run_openvino(portable: Portable, path: Path) -> Run:
    compiled = openvino_model(path)
    return lambda given: {name: np.array(compiled(dict(given))[name]) for name in portable.outputs}


def _write_safetensors(portable: Portable, path: Path, known: dict) -> None:
    portable.save(path)


def _run_safetensors(portable: Portable, path: Path) -> Run:
    opened = portable.reopened(path)
    return opened.expected


FORMATS: dict[str, Format] = {
    "onnx": Format(".onnx", write_onnx, _run_onnx),
    "openvino": Format(".xml", write_openvino, _run_openvino, parts=(".bin",)),
    "torchscript": Format(".torchscript.pt", write_torchscript, _run_torchscript),
    "safetensors": Format(".export.safetensors", _write_safetensors, _run_safetensors),
}
"""A new one is one row."""


def beside(checkpoint: Path, kind: str) -> Path:
    """Where an export of a checkpoint lies, unless told otherwise: beside it, under its name. Raises ExportError."""
    if kind not in FORMATS:
        raise ExportError(f"{kind!r} is no format of an export.", f"Use one of {', '.join(FORMATS)}.")
    stem = checkpoint.name.removesuffix(".tar").rsplit(".", 1)[0]
    return checkpoint.with_name(stem + FORMATS[kind].suffix)
