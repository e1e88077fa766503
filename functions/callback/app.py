"""callback, the consent plane: the connect page before the provider, the return after it."""

import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from fastapi import FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError

from functions.callback import connecting, returning, signing_out
from functions.callback.notices import BROKEN, MALFORMED
from functions.callback.pages import notice_page
from functions.callback.parts import Parts

log = logging.getLogger(__name__)


def create_app(parts: Parts) -> FastAPI:
    """Return the app around its collaborators, which it opens and closes."""

    @asynccontextmanager
    async def lifespan(_app: FastAPI) -> AsyncIterator[None]:
        await parts.store.open()
        yield
        await parts.http.aclose()
        await parts.store.close()

    app = FastAPI(title="fujie callback", lifespan=lifespan, openapi_url=None, redirect_slashes=False)
    app.state.parts = parts
    app.include_router(connecting.routes)
    app.include_router(returning.routes)
    app.include_router(signing_out.routes)
    app.add_exception_handler(RequestValidationError, _malformed)
    app.add_exception_handler(Exception, _broken)
    return app


async def _malformed(request: Request, _error: Exception) -> Response:
    return notice_page(request, MALFORMED)


async def _broken(request: Request, error: Exception) -> Response:
    """A person meets a page also when the fault is ours; the log has its kind, the page nothing."""
    log.error("unexpected %s", type(error).__name__)
    return notice_page(request, BROKEN)
