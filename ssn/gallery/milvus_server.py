"""A Milvus server as a gallery uses it: two collections, a handful of calls, and typed errors.

Every call has a deadline. One that fails because the server is away, restarting or not ready is made again until then;
what is written is written by its key, so that twice is the same as once.
"""

from __future__ import annotations

import logging
import os
import re
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any, TypeVar
from urllib.parse import parse_qs, urlsplit

from ssn.errors import GalleryError, GalleryUnreachableError
from ssn.models.light_cnn import EMBEDDING_SIZE

SECONDS = 10.0
"""Within which a call is answered, or given up."""
LOADING_SECONDS = 60.0
"""The same for a collection that the server has to read into memory first."""
TOKEN = "SSN_MILVUS_TOKEN"
"""Environment variable with ``user:password`` or an API key, so that it stands in no address."""
INDICES: dict[str, tuple[str, dict[str, int]]] = {
    "flat": ("FLAT", {}),
    "hnsw": ("HNSW", {"M": 32, "efConstruction": 256}),
}
"""By the word in the address: Milvus's name, and how it is built. ``flat`` compares with everybody."""
LONGEST_TEXT = 65_535
"""Bytes of a text in Milvus."""
AWAY = ("retry timeout", "retry run out", "deadline", "unavailable", "fail connecting", "illegal connection")
NOT_READY = (
    "not loaded",
    "not fully loaded",
    "not ready",
    "no available",
    "node offline",
    "not healthy",
    "lag",
    "loading",
)

T = TypeVar("T")


@dataclass(frozen=True)
class Address:
    """``http://host:19530/name?index=hnsw`` taken apart. ``name`` is the gallery's on that server; without ``index`` a
    new gallery is ``flat`` and an old one is what it is."""

    uri: str
    name: str
    index: str | None

    @property
    def shown(self) -> str:
        return f"{self.uri}/{self.name}"


def read_address(where: str) -> Address:
    """Raises GalleryError for what is no address of a gallery."""
    try:
        parts = urlsplit(where)
        host, port = parts.hostname, parts.port or 19530
    except ValueError:
        host, port = None, 0
    if not host:
        raise GalleryError(f"{where} is no address of a server.", "Write http://host:19530.")
    if parts.username or parts.password:
        raise GalleryError("An address holds no password.", f"Put user:password into {TOKEN}.")
    name, asked = parts.path.strip("/") or "gallery", parse_qs(parts.query)
    if not re.fullmatch(r"[A-Za-z_][A-Za-z0-9_]{0,60}", name):
        raise GalleryError(f"{name!r} is no name of a gallery on a server.", "Use letters, digits and _.")
    index = asked.pop("index", [None])[0]
    if asked or (index is not None and index not in INDICES):
        raise GalleryError(f"{where} says what is not understood.", f"Only ?index= is, one of {', '.join(INDICES)}.")
    host = f"[{host}]" if ":" in host else host
    return Address(f"{parts.scheme.lower()}://{host}:{port}", name, index)


class MilvusServer:
    """One connection. ``vectors`` and ``book`` are the names of a gallery's two collections. Safe to share between
    threads."""

    def __init__(self, address: Address):
        """Raises GalleryError, GalleryUnreachableError."""
        try:
            import pymilvus
        except ImportError as error:
            raise GalleryError(
                "pymilvus is not installed.", "Install it with: pip install 'ssn-studio[milvus]'"
            ) from error
        logging.getLogger("pymilvus").setLevel(logging.CRITICAL)  # it would log what every failed call asked for
        self.address, self._library = address, pymilvus
        self.vectors, self.book = f"{address.name}_vectors", f"{address.name}_book"
        self._client: Any = None
        self._client = self.ask(
            lambda seconds: pymilvus.MilvusClient(
                address.uri, token=os.environ.get(TOKEN, ""), timeout=seconds, dedicated=True
            )
        )

    def ask(self, call: Callable[[float], T], seconds: float | None = None) -> T:
        """``call`` is told how many seconds are left, of ``SECONDS`` or those given. Raises GalleryUnreachableError,
        GalleryError."""
        import grpc

        seconds = SECONDS if seconds is None else seconds
        end = time.monotonic() + seconds
        while True:
            try:
                return call(max(0.2, end - time.monotonic()))
            except (self._library.MilvusException, grpc.RpcError, ValueError) as error:
                text = str(getattr(error, "message", "") or error)
                code = getattr(error, "code", None)
                away = isinstance(error, grpc.RpcError) or isinstance(code, grpc.StatusCode) or _says(text, AWAY)
                if "closed channel" in text or ("closed" in text.lower() and isinstance(error, ValueError)):
                    raise GalleryError("The gallery is closed.", "Open it again.") from error
                if not away and not getattr(error, "retriable", False) and not _says(text, NOT_READY):
                    raise GalleryError(f"The gallery's server refuses: {text.rstrip('.')}.", "See its log.") from error
                if time.monotonic() + 0.2 >= end:
                    raise self._unreachable(seconds) from error
                time.sleep(0.2)

    def _unreachable(self, seconds: float) -> GalleryUnreachableError:
        return GalleryUnreachableError(
            f"The gallery's server {self.address.uri} does not answer within {seconds:.0f} s.",
            "See whether it runs, then try again. What it acknowledged is kept; look whether the last change is there.",
        )

    def open(self) -> None:
        """Make the collections of a new gallery, or have those of an old one ready. Raises GalleryError."""
        with ThreadPoolExecutor(2) as both:
            for done in [both.submit(self._open_vectors), both.submit(self._open_book)]:
                done.result()

    def _open_vectors(self) -> None:
        kind = self._library.DataType
        schema = self._schema()
        schema.add_field("id", kind.INT64, is_primary=True)
        schema.add_field("model", kind.VARCHAR, max_length=64)
        schema.add_field("vector", kind.FLOAT_VECTOR, dim=EMBEDDING_SIZE)
        self._open(self.vectors, schema, "vector", self.address.index or "flat")
        if self.address.index is not None and self.index_kind() != INDICES[self.address.index][0]:
            self._index_anew(self.address.index)

    def _open_book(self) -> None:
        kind = self._library.DataType
        schema = self._schema()
        schema.add_field("key", kind.VARCHAR, max_length=64, is_primary=True)
        schema.add_field("kind", kind.VARCHAR, max_length=16)
        for name in ("number", "person"):
            schema.add_field(name, kind.INT64)
        for name in ("model", "find", "also"):
            schema.add_field(name, kind.VARCHAR, max_length=64)
        schema.add_field("value", kind.VARCHAR, max_length=LONGEST_TEXT)
        schema.add_field("nothing", kind.FLOAT_VECTOR, dim=2)  # a collection has vectors, needed or not
        self._open(self.book, schema, "nothing", "flat")

    def _schema(self) -> Any:
        return self._library.MilvusClient.create_schema(auto_id=False, enable_dynamic_field=False)

    def _open(self, name: str, schema: Any, field: str, index: str) -> None:
        if self.ask(lambda seconds: self._client.has_collection(name, timeout=seconds)):
            known = self.ask(lambda seconds: self._client.describe_collection(name, timeout=seconds))
            if [part["name"] for part in known["fields"]] != [part.name for part in schema.fields]:
                raise GalleryError(f"{name} is a collection of another program.", "Choose another name.")
            if not self.ask(lambda seconds: self._client.list_indexes(name, timeout=seconds)):
                self._make_index(name, field, index)  # whoever made it was interrupted
            self.ask(lambda seconds: self._client.load_collection(name, timeout=seconds), LOADING_SECONDS)
            return
        made = self._parameters(field, index)
        self.ask(
            lambda seconds: self._client.create_collection(
                name, schema=schema, index_params=made, num_shards=1, timeout=seconds
            ),
            LOADING_SECONDS,
        )

    def _parameters(self, field: str, index: str) -> Any:
        kind, built = INDICES[index]
        parameters = self._client.prepare_index_params()
        parameters.add_index(field, index_type=kind, metric_type="IP", params=built)
        return parameters

    def _make_index(self, name: str, field: str, index: str) -> None:
        made = self._parameters(field, index)
        self.ask(lambda seconds: self._client.create_index(name, made, timeout=seconds), LOADING_SECONDS)

    def index_kind(self) -> str:
        """``FLAT`` or ``HNSW``."""
        found = self.ask(lambda seconds: self._client.describe_index(self.vectors, "vector", timeout=seconds))
        return found["index_type"]

    def _index_anew(self, index: str) -> None:
        name = self.vectors
        self.ask(lambda seconds: self._client.release_collection(name, timeout=seconds))
        self.ask(lambda seconds: self._client.drop_index(name, "vector", timeout=seconds))
        self._make_index(name, "vector", index)
        self.ask(lambda seconds: self._client.load_collection(name, timeout=seconds), LOADING_SECONDS)

    def rows(self, collection: str, condition: str, fields: Sequence[str], level: str = "Session") -> list[dict]:
        """What fits the condition. ``level`` is Milvus's consistency: Strong sees what anybody was acknowledged before,
        Session what this process was, Eventually what is there."""
        return list(
            self.ask(
                lambda seconds: self._client.query(
                    collection, condition, output_fields=list(fields), consistency_level=level, timeout=seconds
                )
            )
        )

    def write(self, collection: str, rows: list[dict], seconds: float | None = None) -> None:
        """By their keys, in one message: all of them or none."""
        self.ask(lambda left: self._client.upsert(collection, rows, timeout=left), seconds)

    def erase(self, collection: str, keys: Sequence[int] | Sequence[str]) -> None:
        """Whatever has these keys; those that are not there are passed over."""
        self.ask(lambda seconds: self._client.delete(collection, ids=list(keys), timeout=seconds))

    def nearest(self, probes: Sequence[Any], count: int, condition: str) -> list[list[dict]]:
        """For each probe (256,) the ``count`` rows of the largest inner product: ``id``, ``distance``, ``entity``."""
        return self.ask(
            lambda seconds: self._client.search(
                self.vectors,
                data=list(probes),
                anns_field="vector",
                limit=count,
                filter=condition,
                output_fields=["vector"],
                search_params={"metric_type": "IP", "params": {"ef": max(64, 2 * count)}},
                consistency_level="Session",
                timeout=seconds,
            )
        )

    def drop(self) -> None:
        """The whole gallery."""
        for name in (self.vectors, self.book):
            self.ask(lambda seconds, name=name: self._client.drop_collection(name, timeout=seconds))  # type: ignore[misc]

    def close(self) -> None:
        """Nothing can be asked any more."""
        if self._client is not None:
            self._client.close()


def _says(text: str, words: Sequence[str]) -> bool:
    return any(word in text.lower() for word in words)
