"""Files added to a folder: whole, of their format and checksum, or nothing; a real HTTP server."""

from __future__ import annotations

import hashlib
import importlib
import io
import json
import os
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from typer.testing import CliRunner

from zc_plugins.cli._app import app
from zc_plugins.data import add, file_in, folders, recorded, verify
from zc_plugins.data._download import _Redirect
from zc_plugins.data._index import INDEX
from zc_plugins.errors import InvalidArgument

CSV = b"arch,accuracy\n" + b"".join(b"%d,%d\n" % (n, n % 100) for n in range(2000))
SHA = hashlib.sha256(CSV).hexdigest()
SECRET = "hunter2"


def npz() -> bytes:
    file = io.BytesIO()
    np.savez(file, accuracy=np.arange(5))
    return file.getvalue()


MOVED = {
    "/moved.csv": "/table.csv",
    "/file.csv": "file:///etc/hostname",
    "/ftp.csv": f"ftp://user:{SECRET}@127.0.0.1/table.csv",
    "/data.csv": "data:text/csv,a,b",
    "/round.csv": "/round.csv",
}


class Handler(BaseHTTPRequestHandler):
    """One path for each way in which a server behaves."""

    def do_GET(self) -> None:
        path = self.path.partition("?")[0]
        if path in MOVED:
            self.send_response(302)
            self.send_header("Location", MOVED[path])
            self.send_header("Content-Length", "0")
            self.end_headers()
        elif path == "/missing.csv":
            self.send_error(404)
        elif path == "/chunked.csv":
            # An end without the last chunk.
            self.protocol_version = "HTTP/1.1"
            self.answer({"Transfer-Encoding": "chunked"}, b"%x\r\n%s\r\n" % (len(CSV), CSV))
        elif path == "/broken.csv":
            self.answer({"Content-Length": str(2 * len(CSV))}, CSV)
        elif path == "/endless.csv":
            self.answer({}, CSV)
        elif path == "/page.csv":
            page = b"<!DOCTYPE html>\n<p>Sign in, please</p>\n"
            self.answer({"Content-Length": str(len(page))}, page)
        else:
            self.answer({"Content-Length": str(len(CSV))}, CSV)

    def answer(self, headers: dict[str, str], body: bytes) -> None:
        self.send_response(200)
        for name, value in headers.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)
        self.close_connection = True

    def log_message(self, *_: Any) -> None:
        pass


@pytest.fixture(scope="module")
def server() -> Iterator[str]:
    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as found:
        thread = threading.Thread(target=found.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{found.server_port}"
        found.shutdown()
        thread.join()


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("ZC_PLUGINS_DATA", str(tmp_path / "kept"))
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    return tmp_path / "kept"


@pytest.fixture
def source(tmp_path: Path) -> Path:
    (tmp_path / "table.csv").write_bytes(CSV)
    return tmp_path / "table.csv"


def data_files(folder: Path) -> list[str]:
    """All that lies there but the index and its lock, partial files included."""
    return sorted(p.name for p in folder.iterdir() if not p.name.startswith(".zc_plugins_index"))


def run(*arguments: str, status: int = 0) -> Any:
    result = CliRunner().invoke(app, ["data", *arguments])
    assert result.exception is None or isinstance(result.exception, SystemExit), result.exception
    assert result.exit_code == status, result.output
    return result


def test_a_path(folder: Path, source: Path) -> None:
    record = add(str(source), sha256=SHA.upper())
    assert (record.name, record.size, record.sha256, record.format) == (
        "table.csv", len(CSV), SHA, "csv"
    )  # fmt: skip
    assert record.source == str(source)
    assert recorded(folder) == {"table.csv": record}
    assert (folder / "table.csv").read_bytes() == CSV
    assert file_in(None, "table.csv") == folder / "table.csv"
    assert data_files(folder) == ["table.csv"]


@pytest.mark.parametrize("path", ["/table.csv?token=hunter2", "/moved.csv"])
def test_an_address(path: str, server: str, folder: Path) -> None:
    record = add(server + path, name="mine.csv")
    assert (record.sha256, record.size) == (SHA, len(CSV))
    assert record.source == server + path.partition("?")[0]
    assert (folder / "mine.csv").read_bytes() == CSV
    assert SECRET not in (folder / INDEX).read_text()


def test_a_server_without_a_length(server: str, folder: Path) -> None:
    with pytest.raises(InvalidArgument, match="tells no length"):
        add(f"{server}/endless.csv")
    assert data_files(folder) == []
    assert add(f"{server}/endless.csv", sha256=SHA).size == len(CSV)


@pytest.mark.parametrize(
    ("path", "told"),
    [
        ("/broken.csv", f"broke off after {len(CSV)} of {2 * len(CSV)} bytes"),
        ("/chunked.csv", "IncompleteRead"),
        ("/missing.csv", "answers 404"),
        ("/page.csv", "does not hold csv"),
        ("/file.csv", "redirects to 'file:///etc/hostname'"),
        ("/ftp.csv", "redirects to 'ftp://127.0.0.1/table.csv'"),
        ("/data.csv", "redirects to 'data:"),
        ("/round.csv", "answers 302"),
    ],
)
@pytest.mark.parametrize("before", [False, True])
def test_what_goes_wrong_leaves_nothing(
    path: str, told: str, before: bool, server: str, folder: Path
) -> None:
    if before:
        add(f"{server}/table.csv", name=path[1:])
    with pytest.raises(InvalidArgument) as error:
        add(server + path, replace=True)
    assert told in str(error.value)
    assert SECRET not in str(error.value)
    assert data_files(folder) == ([path[1:]] if before else [])
    assert [verdict for _, verdict in verify()] == (["as added"] if before else [])


def test_no_server(folder: Path) -> None:
    with pytest.raises(InvalidArgument, match="cannot be downloaded"):
        add("http://127.0.0.1:9/table.csv")
    assert data_files(folder) == []


def test_a_wrong_checksum(server: str, folder: Path, source: Path) -> None:
    for one in (f"{server}/table.csv", str(source)):
        with pytest.raises(InvalidArgument, match=f"has {SHA}"):
            add(one, sha256="0" * 64)
    assert data_files(folder) == []
    assert recorded(folder) == {}


def test_https_is_not_left() -> None:
    from urllib.request import Request

    with pytest.raises(InvalidArgument, match="redirects to 'http://b'"):
        _Redirect().redirect_request(Request("https://a"), None, 302, "", {}, "http://b")


@pytest.mark.parametrize(
    "address",
    ["file:///etc/hostname", "ftp://a/t.csv", f"http://me:{SECRET}@a/t.csv", "http:///t.csv",
     "http://[::1/t.csv", "http://127.0.0.1:port/t.csv", "http://" + "a" * 70 + ".b/t.csv"],
)  # fmt: skip
def test_other_addresses(address: str, folder: Path) -> None:
    with pytest.raises(InvalidArgument, match="pass") as error:
        add(address, name="t.csv")
    assert SECRET not in str(error.value)
    assert not folder.exists() or data_files(folder) == []


@pytest.mark.parametrize(
    "name",
    ["../t.csv", "/t.csv", "a/b.csv", "a\\b.csv", "..", ".csv", ".t.csv", "t", "t.txt", "t.csv.exe",
     "t\n.csv", "t .csv", "C:t.csv", "-t.csv", "x" * 125 + ".csv", INDEX],
)  # fmt: skip
def test_names_that_are_refused(name: str, folder: Path, source: Path) -> None:
    with pytest.raises(InvalidArgument, match="pass letters"):
        add(str(source), name=name)
    assert not folder.exists()


def test_the_name_of_an_address_does_not_leave_the_folder(server: str, folder: Path) -> None:
    assert add(f"{server}/a/..%2F..%2Ft.csv").name == "t.csv"
    assert data_files(folder.parent) == ["kept"]


@pytest.mark.parametrize(
    ("name", "content", "told"),
    [
        ("t.csv", CSV, None),
        ("t.csv", b'a,b\n"1,2",3\n\n', None),
        ("t.csv", b"a,b\n1\n", "pass a whole file"),
        ("t.csv", b"a\n1\n", "pass a whole file"),
        ("t.csv", b"\xff\xfea,b\n", "pass a whole file"),
        ("t.csv", b"", "pass a whole file"),
        ("t.json", b'[{"a": 1}]', None),
        ("t.json", b'[{"a": 1}', "pass a whole file"),
        ("t.csv", b'["a", "b"]\n', "it is json"),
        ("t.json", b"3", "pass a whole file"),
        ("t.npz", npz(), None),
        ("t.npz", npz()[:-9], "pass a whole file"),
        ("t.csv", npz(), "it is npz"),
        ("t.npz", b"PK\x05\x06" + bytes(18), "pass a whole file"),
        ("t.parquet", b"PAR1", "pass a whole file"),
        ("t.parquet", b"PAR1" + bytes(8) + b"PAR1", None),
        ("t.parquet", b"PAR1" + b"\xff" * 8 + b"PAR1", "pass a whole file"),
        ("t.parquet", CSV, "it is csv"),
        ("T.CSV", CSV, None),
    ],
)
def test_formats(name: str, content: bytes, told: str | None, folder: Path, tmp_path: Path) -> None:
    (tmp_path / "given").write_bytes(content)
    if told is None:
        assert add(str(tmp_path / "given"), name=name).size == len(content)
    else:
        with pytest.raises(InvalidArgument, match=told):
            add(str(tmp_path / "given"), name=name)
        assert data_files(folder) == []


def test_tables_of_pyarrow(folder: Path, tmp_path: Path) -> None:
    pyarrow, parquet = pytest.importorskip("pyarrow"), pytest.importorskip("pyarrow.parquet")
    parquet.write_table(pyarrow.table({"a": [1, 2]}), tmp_path / "t.parquet")
    assert add(str(tmp_path / "t.parquet")).format == "parquet"
    whole = (tmp_path / "t.parquet").read_bytes()
    (tmp_path / "cut.parquet").write_bytes(whole[:-20])
    with pytest.raises(InvalidArgument, match="does not hold parquet"):
        add(str(tmp_path / "cut.parquet"))


def test_another_file_of_the_name(folder: Path, source: Path) -> None:
    add(str(source))
    # The same content again is no harm.
    add(str(source))
    source.write_bytes(CSV + b"1,1\n")
    with pytest.raises(InvalidArgument, match="another content"):
        add(str(source))
    assert (folder / "table.csv").read_bytes() == CSV
    add(str(source), replace=True)
    assert (folder / "table.csv").read_bytes() != CSV
    assert [verdict for _, verdict in verify()] == ["as added"]


def test_a_folder_in_place_of_the_file(folder: Path, source: Path, tmp_path: Path) -> None:
    with pytest.raises(InvalidArgument, match="is no file"):
        add(str(tmp_path), name="t.csv")
    (folder / "table.csv").mkdir(parents=True)
    with pytest.raises(InvalidArgument, match="cannot be read or written"):
        add(str(source), replace=True)
    assert data_files(folder) == ["table.csv"]
    with pytest.raises(InvalidArgument, match="cannot be read or written"):
        add(str(source), folder=source / "below")


def test_many_at_once(folder: Path, source: Path) -> None:
    """No record is lost."""
    names = [f"t{n}.csv" for n in range(12)]
    threads = [
        threading.Thread(target=add, args=(str(source),), kwargs={"name": name}) for name in names
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert set(recorded(folder)) == set(names) == set(data_files(folder))


@pytest.mark.parametrize("content", [b"{", b"[3]", b'[{"name": "t.csv"}]'])
def test_a_damaged_index(content: bytes, folder: Path, source: Path) -> None:
    folder.mkdir()
    (folder / INDEX).write_bytes(content)
    with pytest.raises(InvalidArgument, match="move it away"):
        verify()


def test_where_the_folders_are(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    one, two = tmp_path / "one", tmp_path / "two"
    monkeypatch.setenv("ZC_PLUGINS_DATA", os.pathsep.join([str(one), "", str(two)]))
    assert folders() == (one, two)
    two.mkdir()
    (two / "t.csv").write_bytes(CSV)
    assert file_in(None, "t.csv") == two / "t.csv"
    with pytest.raises(InvalidArgument, match="zc-plugins data add"):
        file_in(None, "other.csv")
    with pytest.raises(InvalidArgument, match="pass the folder that does"):
        file_in(one, "t.csv")


@pytest.mark.parametrize(
    ("platform", "variable", "value", "wanted"),
    [
        ("linux", "XDG_CACHE_HOME", "/caches", "/caches/zc-plugins/data"),
        ("linux", "XDG_CACHE_HOME", "relative", "~/.cache/zc-plugins/data"),
        ("linux", "XDG_CACHE_HOME", "", "~/.cache/zc-plugins/data"),
        ("darwin", "XDG_CACHE_HOME", "/caches", "~/Library/Caches/zc-plugins/data"),
        ("win32", "LOCALAPPDATA", "/local", "/local/zc-plugins/data"),
        ("win32", "LOCALAPPDATA", "", "~/AppData/Local/zc-plugins/data"),
    ],
)
def test_the_cache_of_the_system(
    platform: str, variable: str, value: str, wanted: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ZC_PLUGINS_DATA", "")
    monkeypatch.setenv(variable, value)
    monkeypatch.setattr("sys.platform", platform)
    assert folders() == (Path(wanted).expanduser(),)


def test_the_commands(server: str, folder: Path, source: Path) -> None:
    assert "0 of 0 files" in run("verify").stderr
    assert SHA in run("add", f"{server}/table.csv", "--sha256", SHA).stderr
    run("add", str(source), "--name", "mine.csv")
    (folder / "other.csv").write_bytes(CSV)
    found = {row["name"]: row for row in json.loads(run("list", "--json").stdout)}
    assert list(found) == ["mine.csv", "table.csv", "other.csv"]
    assert found["table.csv"] == {
        "folder": str(folder), "name": "table.csv", "source": f"{server}/table.csv",
        "size": len(CSV), "sha256": SHA, "format": "csv",
    }  # fmt: skip
    assert (found["other.csv"]["source"], found["other.csv"]["sha256"]) == (None, None)
    assert "mine.csv" in run("list").stdout
    assert "2 of 2 files" in run("verify").stderr


def test_the_commands_tell_what_is_wrong(server: str, folder: Path, source: Path) -> None:
    run("add", str(source))
    assert "error: " in run("add", f"{server}/broken.csv", status=1).stderr
    assert "error: " in run("add", str(source), "--sha256", "1" * 64, "--replace", status=1).stderr
    run("add", status=2)
    run("add", str(source), "--checksum", SHA, status=2)
    run("add", str(source), "--name", "gone.csv")
    run("add", str(source), "--name", "longer.csv")
    (folder / "gone.csv").unlink()
    (folder / "longer.csv").write_bytes(CSV + b"1,1\n")
    (folder / "table.csv").write_bytes(CSV.replace(b"1", b"2"))
    told = run("verify", status=1)
    assert "0 of 3 files" in told.stderr
    for words in ("missing", "another content of the same size", f"not {len(CSV)}"):
        assert words in told.stdout


def test_an_interrupted_command(
    folder: Path, source: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupted(*_: Any) -> str:
        raise KeyboardInterrupt

    monkeypatch.setattr(
        importlib.import_module("zc_plugins.data.add"), "require_format", interrupted
    )
    run("add", str(source), status=130)
    assert data_files(folder) == []
