"""As much of the Hugging Face hub's interface as its client needs to list a data set and read ranges of its files."""

import hashlib
import json
import re
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, unquote, urlparse

import pytest

NAME = "org/text"
COMMIT = "0123456789" * 4


@pytest.fixture
def hub(tmp_path):
    """The address of a hub that has one data set, org/text: the files below tmp_path/hub, all at one commit."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(tmp_path / "hub", NAME))
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}", COMMIT
    server.shutdown()
    server.server_close()


def _handler(root, name):
    def entry(path):
        said = path.relative_to(root).as_posix()
        kind = (
            {"type": "directory", "size": 0}
            if path.is_dir()
            else {"type": "file", "size": path.stat().st_size}
        )
        return {**kind, "oid": hashlib.sha1(said.encode()).hexdigest(), "path": said}

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def log_message(self, *_):
            pass

        def answer(self, body, code=200, **headers):
            self.send_response(code)
            for key, value in {"Content-Length": len(body), "X-Repo-Commit": COMMIT, **headers}.items():
                self.send_header(key.replace("_", "-"), str(value))
            self.end_headers()
            if self.command != "HEAD":
                self.wfile.write(body)

        def json(self, value):
            self.answer(json.dumps(value).encode(), Content_Type="application/json")

        def missing(self):
            self.answer(b"", 404, X_Error_Code="EntryNotFound")

        def do_POST(self):
            body = self.rfile.read(int(self.headers["Content-Length"])).decode()
            paths = json.loads(body)["paths"] if body.startswith("{") else parse_qs(body).get("paths", [])
            self.json([entry(root / path) for path in paths if path and (root / path).exists()])

        def do_GET(self):
            url = urlparse(self.path)
            path = unquote(url.path)
            if re.fullmatch(rf"/api/datasets/{name}(/revision/\w+)?", path):
                files = [{"rfilename": entry(file)["path"]} for file in root.rglob("*") if file.is_file()]
                self.json({"_id": "1", "id": name, "sha": COMMIT, "siblings": files, "tags": []})
            elif found := re.fullmatch(rf"/api/datasets/{name}/tree/{COMMIT}/?(.*)", path):
                folder = root / found[1]
                below = folder.rglob("*") if "recursive=true" in url.query.lower() else folder.glob("*")
                self.json([entry(each) for each in sorted(below)])
            elif found := re.fullmatch(rf"/datasets/{name}/resolve/{COMMIT}/(.+)", path):
                self.file(root / found[1])
            else:
                self.missing()

        do_HEAD = do_GET

        def file(self, path):
            if not path.is_file():
                self.missing()
                return
            data = path.read_bytes()
            tag = {"ETag": f'"{hashlib.sha1(data).hexdigest()}"', "Accept_Ranges": "bytes"}
            asked = re.match(r"bytes=(\d+)-(\d*)", self.headers.get("Range", ""))
            if asked is None:
                self.answer(data, **tag)
                return
            start, stop = int(asked[1]), min(int(asked[2] or len(data)), len(data) - 1) + 1
            self.answer(data[start:stop], 206, Content_Range=f"bytes {start}-{stop - 1}/{len(data)}", **tag)

    return Handler
