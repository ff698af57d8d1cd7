"""Files from $AG_DATA, the cache and mirrors; the mirrors are a server on this machine."""

import gzip
import hashlib
import logging
import os
import stat
import struct
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import numpy as np
import pooch
import pytest

from agcli.datasets import DataError
from agcli.datasets.mnist import Images
from agcli.datasets.remote import RemoteFile, Source, locate

CONTENT = gzip.compress(bytes([0, 0, 8, 1, 0, 0, 0, 3, 7, 8, 9]), mtime=0)
FILE = RemoteFile("labels.gz", len(CONTENT), hashlib.sha256(CONTENT).hexdigest())


class Server(ThreadingHTTPServer):
    """Answers from `pages`: path -> (status, body, announced length); remembers what it was asked."""

    daemon_threads = True

    def __init__(self) -> None:
        self.pages: dict[str, tuple[int, bytes, int]] = {}
        self.asked: list[str] = []
        super().__init__(("127.0.0.1", 0), Handler)

    def put(self, path: str, body: bytes, status: int = 200, length: int | None = None) -> str:
        """Serve `body` under /`path`/labels.gz; returns the mirror."""
        self.pages[f"/{path}/{FILE.name}"] = (status, body, len(body) if length is None else length)
        return f"http://127.0.0.1:{self.server_port}/{path}/"


class Handler(BaseHTTPRequestHandler):
    server: Server

    def do_GET(self) -> None:
        self.server.asked.append(self.path)
        status, body, length = self.server.pages[self.path]
        self.send_response(status)
        self.send_header("Content-Length", str(length))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """A test prints nothing."""


@pytest.fixture
def server() -> Iterator[Server]:
    with Server() as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield server
        server.shutdown()
        thread.join()


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.delenv("AG_DATA", raising=False)
    monkeypatch.setenv("AG_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("NO_PROXY", "*")
    return tmp_path / "cache" / "tiny"


def given(monkeypatch: pytest.MonkeyPatch, folder: Path, content: bytes) -> Path:
    """Put the file where a user puts it by hand."""
    path = folder / "tiny" / FILE.name
    path.parent.mkdir(parents=True)
    path.write_bytes(content)
    monkeypatch.setenv("AG_DATA", str(folder))
    return path


BAD = {
    "not found": ((b"", 404), "HTTP 404 Not Found"),
    "server error": ((CONTENT, 500), "HTTP 500 Internal Server Error"),
    "other content": ((CONTENT[:-1] + b"!",), "the content has another SHA-256"),
    "cut, and says so": ((CONTENT[:-5],), "the content has another SHA-256"),
    "cut on the way": ((CONTENT[:-5], 200, len(CONTENT)), "the connection broke off"),
    "endless": ((CONTENT + bytes(10**6),), "OSError: the server sends more than the file's published size"),
    "a page of html": ((b"<html>moved</html>",), "the content has another SHA-256"),
}


@pytest.mark.parametrize(("page", "reason"), BAD.values(), ids=BAD.keys())
def test_a_bad_mirror_is_passed_over_and_a_bad_download_leaves_nothing(server, cache, page, reason):
    bad, good = server.put("bad", *page), server.put("good", CONTENT)
    with pytest.raises(DataError) as caught:
        locate(Source("tiny", (bad,)), FILE)
    assert str(caught.value).split("\n")[1].startswith(f"  {bad}{FILE.name}: {reason}")
    assert list(cache.iterdir()) == []
    path = locate(Source("tiny", (bad, good)), FILE)
    assert path == cache / FILE.name
    assert path.read_bytes() == CONTENT
    assert list(cache.iterdir()) == [path]


def test_what_is_in_the_cache_is_not_asked_for_again(server, cache):
    source = Source("tiny", (server.put("good", CONTENT),))
    assert locate(source, FILE) == locate(source, FILE)
    assert server.asked == ["/good/labels.gz"]


def test_a_damaged_cache_is_fetched_again_and_what_it_was_is_kept(server, cache):
    cache.mkdir(parents=True)
    path = cache / FILE.name
    path.write_bytes(CONTENT[:7])
    with pytest.raises(DataError):
        locate(Source("tiny", (server.put("missing", b"", 404),)), FILE)
    assert path.read_bytes() == CONTENT[:7]
    source = Source("tiny", (server.put("good", CONTENT),))
    assert locate(source, FILE).read_bytes() == CONTENT
    path.write_bytes(b"mine")
    assert locate(source, FILE).read_bytes() == CONTENT
    names = [f"{FILE.name}.kept-1", f"{FILE.name}.kept-2"]
    assert [(cache / name).read_bytes() for name in names] == [CONTENT[:7], b"mine"]


@pytest.mark.parametrize(("umask", "mode"), [(0o022, 0o644), (0o077, 0o600), (0o002, 0o664)])
def test_the_umask_says_who_reads_a_download(server, cache, umask, mode):
    before = os.umask(umask)
    try:
        path = locate(Source("tiny", (server.put("good", CONTENT),)), FILE)
    finally:
        os.umask(before)
    assert stat.S_IMODE(path.stat().st_mode) == mode
    assert list(cache.iterdir()) == [path]


def test_no_mirror_gives_one_message_that_says_what_to_do(server, cache):
    missing = server.put("missing", b"", 404)
    with pytest.raises(DataError) as caught:
        locate(Source("tiny", (missing, "http://127.0.0.1:1/")), FILE)
    assert str(caught.value) == (
        "tiny: no mirror gave labels.gz\n"
        f"  {missing}labels.gz: HTTP 404 Not Found\n"
        "  http://127.0.0.1:1/labels.gz: no connection\n"
        f"Try again with a network, or get labels.gz ({FILE.size} bytes, SHA-256 {FILE.sha256}) by other means "
        f"and put it into {cache}, or into DIR/tiny and set AG_DATA=DIR"
    )


def test_a_cache_that_cannot_be_made_is_reported_before_any_download(server, cache):
    cache.parent.write_text("a file")
    with pytest.raises(DataError) as caught:
        locate(Source("tiny", (server.put("good", CONTENT),)), FILE)
    assert str(caught.value) == (
        f"{cache}: cannot make the cache folder: Not a directory; set AG_CACHE to a folder that can be written"
    )
    assert server.asked == []


def test_a_cache_that_cannot_be_written_is_reported(server, monkeypatch):
    def refuse(*_args, **_options):
        raise PermissionError("no")

    monkeypatch.setattr("pooch.core.make_local_storage", refuse)
    with pytest.raises(DataError, match="the cache folder cannot be written; AG_CACHE can name another"):
        locate(Source("tiny", (server.put("good", CONTENT),)), FILE)


def test_a_given_file_comes_before_cache_and_mirrors(server, monkeypatch, tmp_path):
    path = given(monkeypatch, tmp_path / "mine", CONTENT)
    assert locate(Source("tiny", (server.put("good", CONTENT),)), FILE) == path
    assert server.asked == []


@pytest.mark.parametrize(
    ("content", "found"),
    [(CONTENT[:-1], f"{FILE.size - 1} bytes"), (CONTENT[:-1] + b"!", "other content of that size"), (b"", "0 bytes")],
    ids=["short", "other", "empty"],
)
def test_a_wrong_given_file_is_an_error_that_names_it(server, monkeypatch, tmp_path, content, found):
    path = given(monkeypatch, tmp_path / "mine", content)
    with pytest.raises(DataError) as caught:
        locate(Source("tiny", (server.put("good", CONTENT),)), FILE)
    assert str(caught.value) == (
        f"{path}: expected the published file of {FILE.size} bytes with SHA-256 {FILE.sha256}, found {found}; "
        "replace the file, or remove it to download"
    )
    assert server.asked == []


def test_a_folder_in_place_of_a_given_file_is_an_error_that_names_it(monkeypatch, tmp_path):
    monkeypatch.setenv("AG_DATA", str(tmp_path))
    (tmp_path / "tiny" / FILE.name).mkdir(parents=True)
    with pytest.raises(DataError, match=r"labels\.gz: cannot be read: Is a directory"):
        locate(Source("tiny", ()), FILE)


def test_a_set_that_was_not_given_is_downloaded(server, monkeypatch, tmp_path, cache):
    monkeypatch.setenv("AG_DATA", str(tmp_path))
    assert locate(Source("tiny", (server.put("good", CONTENT),)), FILE) == cache / FILE.name


def test_a_misspelt_ag_data_is_an_error(server, monkeypatch, tmp_path):
    monkeypatch.setenv("AG_DATA", str(tmp_path / "typo"))
    with pytest.raises(DataError, match=r"AG_DATA: no such folder: .*typo; correct the variable, or unset it"):
        locate(Source("tiny", (server.put("good", CONTENT),)), FILE)
    assert server.asked == []


def test_downloads_are_logged_by_us_alone(server, monkeypatch, caplog, capfd):
    caplog.set_level(logging.INFO, "agcli.datasets")
    monkeypatch.setattr(pooch.get_logger(), "handlers", [caplog.handler])  # what pooch would print
    mirror = server.put("good", CONTENT)
    locate(Source("tiny", (mirror,)), FILE)
    assert [record.getMessage() for record in caplog.records] == [
        f"downloading labels.gz (0.0 MB) from {mirror}labels.gz"
    ]
    assert capfd.readouterr() == ("", "")
    assert not pooch.get_logger().disabled


def test_images_are_read_from_what_was_found(monkeypatch, tmp_path):
    pixels = np.arange(3 * 2 * 2, dtype=np.uint8).reshape(3, 2, 2)
    contents = {
        "images.gz": gzip.compress(struct.pack(">4B3I", 0, 0, 8, 3, 3, 2, 2) + pixels.tobytes(), mtime=0),
        "labels.gz": CONTENT,
    }
    files = {}
    (tmp_path / "tiny").mkdir()
    for name, content in contents.items():
        (tmp_path / "tiny" / name).write_bytes(content)
        files[name] = RemoteFile(name, len(content), hashlib.sha256(content).hexdigest())
    monkeypatch.setenv("AG_DATA", str(tmp_path))
    images = Images(Source("tiny", ()), {"train": (files["images.gz"], files["labels.gz"])})
    flat = images.read(flatten=True, raw=False)["train"]
    np.testing.assert_array_equal(flat.x, (pixels / np.float32(255)).reshape(3, 4))
    np.testing.assert_array_equal(images.read(flatten=False, raw=True)["train"].x, pixels)
    assert flat.y.tolist() == [7, 8, 9]
    assert flat.y.dtype == np.int64
