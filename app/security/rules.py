"""Who may ask this server, by what names, from which pages."""

from __future__ import annotations

import ipaddress
import socket
from dataclasses import dataclass
from urllib.parse import SplitResult, urlsplit

LOOPBACK = frozenset({"127.0.0.1", "localhost", "::1"})


class Refusal(Exception):
    """A request is refused with this status and sentence."""

    def __init__(self, status: int, words: str):
        super().__init__(words)
        self.status, self.words = status, words


@dataclass(frozen=True)
class Rules:
    """``hosts``: the names this server is asked by, None for any; ``numbers``: and addresses in numbers, to which no
    foreign name was made to point; ``origins``: other pages, as scheme://host[:port], whose browser may ask, such as
    the address of a proxy; ``behind``: the path a proxy puts before ours; ``events``: the numbers of what can be asked
    of the page, None for any; ``login``: only who has logged in may ask."""

    hosts: frozenset[str] | None = LOOPBACK
    origins: frozenset[str] = frozenset()
    behind: str = ""
    events: frozenset[int] | None = None
    login: bool = False
    numbers: bool = False

    def check_host(self, host: str) -> None:
        """Against a foreign name that was made to point here. Raises Refusal."""
        if self.hosts is None:
            return
        known = self.hosts | {_parts(origin).hostname or "" for origin in self.origins}
        name = _parts(f"//{host}").hostname or ""
        if name not in known and not (self.numbers and _in_numbers(name)):
            raise Refusal(403, "This server is not reached by that name; name it with --origin.")

    def check_origin(self, origin: str | None, host: str) -> None:
        """A browser says from which page it asks: only our own may. Raises Refusal."""
        if origin is None or origin in self.origins or _parts(origin).netloc.lower() == host.lower() != "":
            return
        raise Refusal(403, "Another page may not ask this server; name its address with --origin if it may.")

    def check_event(self, number: object) -> None:
        """A page that was loaded from another release asks for what is not there any more. Raises Refusal."""
        known = isinstance(number, int) and number in (self.events or ())
        if self.events is not None and number is not None and not known:
            raise Refusal(400, "This page is not the server's any more. Load it anew.")


def _parts(address: str) -> SplitResult:
    """Of an address that somebody sends; of one that is none, nothing."""
    try:
        return urlsplit(address)
    except ValueError:
        return urlsplit("")


def _in_numbers(name: str) -> bool:
    try:
        ipaddress.ip_address(name)
    except ValueError:
        return False
    return True


def names_of_this_machine() -> frozenset[str]:
    """What other machines of its network call it, as far as it knows."""
    name = socket.gethostname().lower()
    return frozenset({name, f"{name}.local", socket.getfqdn().lower()})
