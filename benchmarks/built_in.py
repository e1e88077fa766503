"""A built-in runtime reduced to its minimum: loads the function, answers one event, says so over HTTP.

Usage: built_in.py MODULE, with the port in FC_CUSTOM_LISTEN_PORT. Any request gets the status of the function's answer.
"""

import json
import os
import socket
import sys
from importlib import import_module
from types import SimpleNamespace


def event(path: str) -> bytes:
    """Return an HTTP trigger's event for that path."""
    http = {"method": "GET", "path": path, "protocol": "HTTP/1.1", "sourceIp": "127.0.0.1", "userAgent": "bench"}
    context = {"http": http, "requestId": "1", "domainName": "localhost", "accountId": "1", "domainPrefix": "x"}
    body = {"version": "v1", "rawPath": path, "headers": {"Host": "localhost"}, "requestContext": context}
    return json.dumps(body | {"queryParameters": {}, "body": "", "isBase64Encoded": False}).encode()


def serve(module: str, port: int) -> None:
    """Answer requests one after the other, for as long as asked."""
    handler = import_module(module).handler
    with socket.create_server(("127.0.0.1", port)) as server:
        while True:
            connection, _ = server.accept()
            with connection:
                path = connection.recv(65536).split(b" ", 2)[1].decode()
                answer = handler(event(path), SimpleNamespace(request_id="1"))
                connection.sendall(b"HTTP/1.1 %d OK\r\ncontent-length: 0\r\n\r\n" % answer["statusCode"])


if __name__ == "__main__":
    serve(sys.argv[1], int(os.environ["FC_CUSTOM_LISTEN_PORT"]))
