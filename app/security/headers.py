"""What the page's answers tell the browser not to do."""

from __future__ import annotations

POLICY = {
    "default-src": "'self'",
    # Gradio writes its configuration into the page and makes functions of the components' scripts.
    "script-src": "'self' 'unsafe-inline' 'unsafe-eval'",
    "style-src": "'self' 'unsafe-inline'",
    "img-src": "'self' data: blob:",
    "font-src": "'self' data:",
    "media-src": "'self' data: blob:",
    "connect-src": "'self' data: blob:",
    "worker-src": "'self' blob:",
    "object-src": "'none'",
    "base-uri": "'self'",
    "form-action": "'self'",
    "frame-ancestors": "'none'",
}
"""Content-Security-Policy. A script that got into the page could run, but could send nothing to another host."""

HEADERS = {
    "Content-Security-Policy": "; ".join(f"{what} {where}" for what, where in POLICY.items()),
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(self), microphone=(), geolocation=(), payment=(), usb=()",
}
"""With every answer, whatever it is."""

FOREVER = ("/assets/", "/static/", "/svelte/")
"""Paths of files that are the same for everybody; nothing else may be kept by a cache."""
