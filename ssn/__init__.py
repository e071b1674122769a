"""SSN Studio: partial NIR-VIS face recognition with automatic saliency search.

A library that knows no screen. The one object most users need is :class:`ssn.recognizer.Recognizer`.
"""

__version__ = "0.1.0"
