"""A study by the place of its storage, for reading."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from urllib.parse import urlsplit

import optuna
from optuna.storages import BaseStorage, GrpcStorageProxy, JournalStorage, RDBStorage
from optuna.storages.journal import JournalFileBackend
from sqlalchemy.engine import make_url

from zc_plugins.errors import InvalidArgument

_PATIENCE_SECONDS = 10.0  # with a gRPC server that does not answer
_SQLITE = b"SQLite format 3\0"


def is_stored_study(place: str) -> bool:
    """Whether the place is an address of a database, or a file that is a journal or of SQLite."""
    if "://" in place:
        return True
    try:
        with Path(place).open("rb") as file:
            begin = file.read(len(_SQLITE))
    except OSError:
        return False
    return begin == _SQLITE or begin.startswith(b"{")


@contextmanager
def stored_study(place: str, name: str | None = None) -> Iterator[optuna.Study]:
    """The study, until the block ends; no database, table or file is made.

    Args:
        place: a URL of a database as Optuna takes it, ``grpc://host:port`` of Optuna's proxy
            server, an SQLite file, or the file of a journal.
        name: of the study; not needed where the storage has one only.

    Raises:
        InvalidArgument: if nothing can be read there, or no study has this name.
    """
    with _opened(place) as (storage, names):
        if name is None and len(names) != 1:
            shown = ", ".join(map(repr, names[:10]))
            raise InvalidArgument(f"the storage has {len(names)} studies: pass one of {shown}")
        if name is not None and name not in names:
            shown = ", ".join(map(repr, names[:10]))
            raise InvalidArgument(f"the storage has no study {name!r}: pass one of {shown}")
        yield optuna.load_study(study_name=name or names[0], storage=storage)


@contextmanager
def _opened(place: str) -> Iterator[tuple[BaseStorage, list[str]]]:
    """The storage, closed in the end, and the names of its studies."""
    if "://" not in place and not Path(place).is_file():
        raise InvalidArgument(f"{place!r} is not there: pass a URL, or the file of a journal")
    with ExitStack() as stack:
        try:
            with warnings.catch_warnings():
                # The user knows what kind of storage it is.
                warnings.simplefilter("ignore", optuna.exceptions.ExperimentalWarning)
                storage = _storage(place)
            stack.callback(_close, storage)
            names = optuna.get_all_study_names(storage)
        except InvalidArgument:
            raise
        except ImportError as error:
            raise InvalidArgument(
                f"{_shown(place)} cannot be read ({error}): install the package"
            ) from error
        except Exception as error:
            # Drivers, servers, schemas and files of others fail in ways of their own.
            reason = (str(error).splitlines() or [""])[0]
            raise InvalidArgument(
                f"{_shown(place)} cannot be read ({type(error).__name__}: {reason}): pass the "
                "storage of a study"
            ) from error
        yield storage, names


def _close(storage: BaseStorage) -> None:
    if isinstance(storage, RDBStorage):
        storage.remove_session()
        storage.engine.dispose()
    if isinstance(storage, GrpcStorageProxy):
        storage.close()


def _storage(place: str) -> BaseStorage:
    if "://" not in place:
        with Path(place).open("rb") as file:
            if file.read(len(_SQLITE)) != _SQLITE:
                return JournalStorage(JournalFileBackend(place))
        place = f"sqlite:///{place}"
    if place.startswith("grpc://"):
        return _behind_grpc(place)
    url = make_url(place)
    if url.get_backend_name() == "sqlite" and not Path(url.database or "").is_file():
        raise InvalidArgument(f"{_shown(place)} is no file: pass the database of a study")
    return RDBStorage(place, skip_table_creation=True)


def _behind_grpc(place: str) -> GrpcStorageProxy:
    try:
        parts = urlsplit(place)
        host, port = parts.hostname, parts.port
    except ValueError:
        # Its text may hold a part of a password.
        host = port = None
    if not host or not port or parts.path.strip("/"):
        raise InvalidArgument(f"{_shown(place)} names no server: pass grpc://host:port")
    # IPv6 lost its brackets.
    storage = GrpcStorageProxy(host=f"[{host}]" if ":" in host else host, port=port)
    try:
        storage.wait_server_ready(_PATIENCE_SECONDS)
    except Exception:
        storage.close()
        raise
    return storage


def _shown(place: str) -> str:
    """The place without passwords, of which the query may hold one, too."""
    if "://" not in place:
        return repr(place)
    try:
        return repr(make_url(place).set(query={}).render_as_string(hide_password=True))
    except Exception:
        # What is no URL may hold one all the same.
        return f"{place.partition('://')[0]}://..."
