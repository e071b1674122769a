"""Our own small page components, on top of ``gr.HTML``: no build step, and no file of a visitor on disk."""

from __future__ import annotations

import json

import gradio as gr
import numpy as np

from app.kit.pictures import data_uri, pack_mask
from ssn.errors import DataError
from ssn.faces.read import MAX_BYTES
from ssn.places import ASSETS

PROBE_HTML = """
<div class="probe" data-limit="%d" tabindex="-1">
  <label class="probe-drop">
    <input type="file" accept="image/*" aria-label="%s">
    <span class="probe-call"><b>Drop a photo</b>, paste it, or <u>choose a file</u></span>
    <span class="probe-hint">JPEG, PNG, WebP, BMP or TIFF, to 32 MB and 40 megapixels. %s</span>
  </label>
  <div class="probe-camera">
    <video autoplay playsinline muted aria-label="Camera preview"></video>
    <select class="probe-which" aria-label="Which camera" hidden></select>
    <div class="probe-row">
      <button type="button" class="quiet probe-start">Use the camera</button>
      <button type="button" class="strong probe-take">Take the photo</button>
      <button type="button" class="quiet probe-stop">Close the camera</button>
    </div>
  </div>
  <div class="probe-status" role="status"></div>
</div>
"""

LIVE_HTML = """
<div class="live">
  <div class="live-board">
    <video autoplay playsinline muted aria-label="The camera’s picture"></video>
    <canvas width="640" height="480" role="img" aria-label="A box and a name at every face"></canvas>
    <p class="live-wait">The camera’s picture appears here.</p>
  </div>
  <div class="live-row">
    <button type="button" class="strong live-start">Start the camera</button>
    <button type="button" class="quiet live-stop">Stop the camera</button>
    <select class="live-which" aria-label="Which camera" hidden></select>
    <label class="live-overlay"><input type="checkbox" checked> Saliency over the largest face</label>
    <output class="live-speed" aria-label="Speed"></output>
  </div>
  <div class="live-status" role="status"></div>
  <ol class="live-people" aria-label="Everybody in the picture, left to right"></ol>
</div>
"""

STRANGERS_HTML = """
<div class="strangers" hidden>
  <div class="strangers-board">
    <svg aria-hidden="true" preserveAspectRatio="none"></svg>
    <input type="range" min="-0.4" max="1" step="0.01" aria-label="Score from which on somebody is called a match">
  </div>
  <p class="strangers-said" role="status"></p>
  <p class="strangers-legend"><span><i class="expected"></i>strangers, expected</span>
    <span><i class="enrolled"></i>people enrolled</span><span>▴ rank 1</span></p>
  <label class="strangers-percent">Strangers called a match
    <input type="number" min="0.01" max="50" step="any"> %</label>
</div>
"""

BRUSH_HTML = """
<div class="brush">
  <div class="brush-board">
    <canvas width="512" height="512" role="application" tabindex="0" aria-describedby="brush-keys"
      aria-label="The aligned face, 128 by 128 pixels, enlarged. Paint on it to hide parts of it."></canvas>
    <p class="brush-keys" id="brush-keys">Arrows move a frame, + and − change its size, Enter hides what is in it,
      Esc puts it away.</p>
    <div class="brush-wait">The aligned face appears here.</div>
  </div>
  <div class="brush-tools">
    <div class="brush-pair" role="group" aria-label="Brush">
      <button type="button" class="quiet brush-mode" data-mode="paint" aria-pressed="true">Hide</button>
      <button type="button" class="quiet brush-mode" data-mode="erase" aria-pressed="false">Reveal</button>
    </div>
    <label class="brush-width">Size
      <input class="brush-size" type="range" min="3" max="48" value="16" aria-label="Brush size in face pixels"></label>
    <div class="brush-pair">
      <button type="button" class="quiet brush-undo">Undo</button>
      <button type="button" class="quiet brush-clear">Clear</button>
    </div>
  </div>
  <output class="brush-share" aria-live="polite"></output>
</div>
"""


def _script(name: str) -> str:
    """Raises OSError where it is missing, DataError where it is no text."""
    try:
        return (ASSETS / name).read_text(encoding="utf-8")
    except UnicodeDecodeError as error:
        raise DataError(f"{name} of the page is damaged.", "Restore it from the release.") from error


def _component(elem_id: str, template: str, *scripts: str) -> gr.HTML:
    """A template that scripts of the page bring to life. Its value, empty at first, is what they are told."""
    code = "".join(_script(name) for name in scripts)
    return gr.HTML(value="", html_template=template, js_on_load=code, elem_id=elem_id, apply_default_css=False)


def photo_input(elem_id: str, label: str, fate: str = "Kept in memory only.") -> gr.HTML:
    """A place for a photo: drop or paste anywhere on its tab, choose, or camera. ``input`` events carry ``data``,
    base64 of the file, and its ``size`` or ``camera``. ``fate`` says what becomes of it. The value names the picture
    that is shown: a new one closes the camera, which stays open after a photo that could not be used."""
    return _component(elem_id, PROBE_HTML % (MAX_BYTES, label, fate), "camera.js", "read.js", "probe.js")


def file_input(elem_id: str, label: str) -> gr.HTML:
    """A place for another file, to drop or choose it: ``label`` is a ``<label data-limit>`` with its input. ``input``
    events carry ``data``, base64 of the file, and its ``size``."""
    told = '<div class="probe-status" role="status"></div>'
    return _component(elem_id, label + told, "read.js", "file.js")


def live_camera(elem_id: str) -> gr.HTML:
    """The camera as it runs. ``input`` events carry a frame: ``data``, base64 of a JPEG, its ``run`` and ``frame``
    number, and whether an ``overlay`` is wanted; its value is the answer to a frame as JSON."""
    return _component(elem_id, LIVE_HTML, "camera.js", "live.js")


def threshold_slider(elem_id: str) -> gr.HTML:
    """The scores of strangers and of the people enrolled, under a handle at the threshold of a match. ``input`` events
    carry the ``score`` it was moved to, or the ``percent`` of strangers that was written, and a ``number``. Its value
    is a message as JSON, empty where there is nothing to show."""
    return _component(elem_id, STRANGERS_HTML, "strangers.js")


def brush(elem_id: str) -> gr.HTML:
    """The occlusion brush. ``input`` events carry ``token``, ``mask`` and ``stroke``; its value is a message made by
    :func:`brush_load`, :func:`brush_mask` or :func:`brush_answer`."""
    return _component(elem_id, BRUSH_HTML, "brush.js")


def fragment(value: str = "", elem_id: str | None = None) -> gr.HTML:
    """Rendered HTML in the page's own style."""
    return gr.HTML(value=value, js_on_load=None, elem_id=elem_id, apply_default_css=False)


def scripted(elem_id: str, value: str, *scripts: str) -> gr.HTML:
    """Rendered HTML with some of the page's scripts, which send nothing."""
    code = "\n".join(f"{{\n{_script(name)}}}" for name in scripts)
    return gr.HTML(value=value, js_on_load=code, elem_id=elem_id, apply_default_css=False)


def unseen(elem_id: str, script: str) -> gr.HTML:
    """Nothing to see: a script of the page, which reads the value."""
    return _component(elem_id, "<span hidden></span>", script)


def taker(elem_id: str, buttons: str) -> gr.HTML:
    """Buttons that report a ``click`` with their data attributes; its value is a file's name, media type and base64 as
    JSON, which the browser saves."""
    return _component(elem_id, buttons, "take.js")


def clickable(elem_id: str, value: str = "") -> gr.HTML:
    """Rendered HTML whose ``button[data-action]`` report a ``click`` with their data attributes."""
    return gr.HTML(value=value, js_on_load=_script("choose.js"), elem_id=elem_id, apply_default_css=False)


def brush_load(token: str, face: np.ndarray | None, mask: np.ndarray) -> str:
    """Message to the brush: show this face (128, 128, 3) uint8 behind this mask. ``token`` returns with a stroke."""
    shown = "" if face is None else data_uri(face, "PNG")
    return json.dumps({"kind": "load", "token": token, "face": shown, "mask": pack_mask(mask)})


def brush_mask(token: str, mask: np.ndarray) -> str:
    """Message to the brush: the face of ``token`` is there already; this mask is before it now."""
    return json.dumps({"kind": "mask", "token": token, "mask": pack_mask(mask)})


def brush_answer(stroke: int) -> str:
    """Message to the brush: the pictures of the stroke sent at ``stroke`` (its clock, ms) are there; send the next."""
    return json.dumps({"kind": "answer", "stroke": stroke})
