"""The UI's files: plain, compressed on the way, revalidated by ETag."""

from pathlib import Path

from fastapi import FastAPI
from fastapi.responses import FileResponse
from starlette.middleware.gzip import GZipMiddleware
from starlette.staticfiles import StaticFiles

STATIC = Path(__file__).parent / "static"


def install_statics(app: FastAPI) -> None:
    app.mount("/static", GZipMiddleware(StaticFiles(directory=STATIC), minimum_size=512))
    app.add_api_route("/", _index, include_in_schema=False)
    app.add_api_route("/favicon.ico", _icon, include_in_schema=False)


async def _index() -> FileResponse:
    return FileResponse(STATIC / "index.html")


async def _icon() -> FileResponse:
    return FileResponse(STATIC / "icon.svg")
