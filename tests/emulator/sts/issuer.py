"""An OIDC issuer of the tests' own: metadata and keys on loopback, tokens as one asks for them."""

import json
import threading
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from joserfc import jwt
from joserfc.jwk import RSAKey


class Issuer:
    def __init__(self, url):
        self.url = url
        self.key = RSAKey.generate_key(2048, {"kid": "k1", "use": "sig", "alg": "RS256"})

    def documents(self):
        return {
            "/.well-known/openid-configuration": {"issuer": self.url, "jwks_uri": f"{self.url}/keys"},
            "/keys": {"keys": [self.key.as_dict(private=False)]},
        }

    def token(self, now, *, key=None, header=None, **claims):
        """Return a token of an hour for `pods`; claims given as None are left out."""
        wanted = {"iss": self.url, "aud": "pods", "sub": "pod-1", "iat": int(now), "exp": int(now) + 3600} | claims
        present = {name: value for name, value in wanted.items() if value is not None}
        return jwt.encode({"alg": "RS256", "kid": "k1"} | (header or {}), present, key or self.key)


@contextmanager
def serving_issuer():
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self):
            document = issuer.documents().get(self.path)
            body = json.dumps(document).encode()
            self.send_response(200 if document else 404)
            self.send_header("content-type", "application/json")
            self.send_header("content-length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_):
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    issuer = Issuer(f"http://127.0.0.1:{server.server_port}")
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
    thread.start()
    try:
        yield issuer
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
