"""A file fetched over HTTP, whole or not at all."""

from __future__ import annotations

import http.client
import urllib.error
import urllib.request
from collections.abc import Generator
from typing import Any
from urllib.parse import SplitResult, urlsplit

from zc_plugins.errors import InvalidArgument

SCHEMES = ("https", "http")
_CHUNK = 1 << 20
_PATIENCE = 30.0
"""Seconds of silence after which the server is given up."""


def downloaded(url: str, *, checked: bool) -> Generator[bytes]:
    """The bytes of an address, in chunks.

    Args:
        url: of http or https; redirects stay within these, and never go from https to http.
        checked: whether the caller knows the checksum. If not, the server must tell a length, so
            that a broken download is told from a whole one.

    Raises:
        InvalidArgument: if the address is another one, or the server does not send the whole file.
    """
    request, shown = _request(url), without_secrets(url)
    try:
        with _opener().open(request, timeout=_PATIENCE) as answer:
            yield from _chunks(answer, shown, checked=checked)
    except urllib.error.HTTPError as error:
        error.close()
        raise InvalidArgument(
            f"{shown!r} answers {error.code} {error.reason}: pass another address"
        ) from error
    except (OSError, http.client.HTTPException, UnicodeError) as error:
        reason = getattr(error, "reason", error)
        raise InvalidArgument(
            f"{shown!r} cannot be downloaded ({type(error).__name__}: {reason}): try again, or "
            "pass another address"
        ) from error


def without_secrets(url: str) -> str:
    """The address without user, password, query and fragment."""
    parts = split(url)
    return f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}{parts.path}"


def split(url: str) -> SplitResult:
    """The parts of an address.

    Raises:
        InvalidArgument: if it has none.
    """
    try:
        return urlsplit(url)
    except ValueError as error:
        raise InvalidArgument(f"an address that cannot be read ({error}): pass another") from error


def _request(url: str) -> urllib.request.Request:
    parts = split(url)
    if parts.scheme not in SCHEMES or not parts.netloc or "@" in parts.netloc:
        raise InvalidArgument(
            f"{without_secrets(url)!r}: pass an address of http or https without a password, or a "
            "path"
        )
    return urllib.request.Request(url, headers={"User-Agent": "zc-plugins"})


class _Redirect(urllib.request.HTTPRedirectHandler):
    def redirect_request(
        self, req: Any, fp: Any, code: int, msg: str, headers: Any, newurl: str
    ) -> Any:
        old, new = split(req.full_url).scheme, split(newurl).scheme
        if new not in SCHEMES or (old == "https" and new == "http"):
            raise InvalidArgument(
                f"{without_secrets(req.full_url)!r} redirects to {without_secrets(newurl)!r}: pass "
                "an address that stays with http or https"
            )
        return super().redirect_request(req, fp, code, msg, headers, newurl)

    def http_error_302(self, req: Any, fp: Any, code: int, msg: str, headers: Any) -> Any:
        # The base class refuses other schemes itself, with a text that shows the whole address.
        target = split(headers.get("location", headers.get("uri", "")))
        if target.scheme and target.scheme not in SCHEMES:
            fp.close()
            self.redirect_request(req, fp, code, msg, headers, target.geturl())
        return super().http_error_302(req, fp, code, msg, headers)

    http_error_301 = http_error_303 = http_error_307 = http_error_308 = http_error_302


def _opener() -> urllib.request.OpenerDirector:
    """Without the handlers of files, data addresses and FTP that ``build_opener`` adds."""
    opener = urllib.request.OpenerDirector()
    for handler in (
        urllib.request.ProxyHandler(),
        urllib.request.HTTPHandler(),
        urllib.request.HTTPSHandler(),
        urllib.request.HTTPDefaultErrorHandler(),
        urllib.request.HTTPErrorProcessor(),
        _Redirect(),
    ):
        opener.add_handler(handler)
    return opener


def _chunks(answer: Any, shown: str, *, checked: bool) -> Generator[bytes]:
    length = answer.headers.get("Content-Length")
    # Chunked answers tell their end; http.client reports a missing one.
    if length is None and not answer.chunked and not checked:
        raise InvalidArgument(
            f"{shown!r} tells no length, so that a part looks like the whole: pass --sha256"
        )
    got = 0
    while chunk := answer.read(_CHUNK):
        got += len(chunk)
        yield chunk
    if length is not None and got != int(length):
        raise InvalidArgument(f"{shown!r} broke off after {got} of {length} bytes: try again")
