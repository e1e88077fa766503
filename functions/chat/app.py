"""chat, the user's plane: sign-in, sessions, conversations and the web UI."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from fastapi import FastAPI

from functions.chat import asking, conversations, granting, signing_in
from functions.chat.errors import install_error_answers
from functions.chat.headers import BodyLimit, SecurityHeaders
from functions.chat.parts import Parts
from functions.chat.places import QUESTIONS, WATCHES, Places
from functions.chat.statics import install_statics


def create_app(parts: Parts) -> FastAPI:
    """Return the app around its collaborators, which it opens and closes."""

    @asynccontextmanager
    async def lifespan(_app: FastAPI) -> AsyncIterator[None]:
        await parts.store.open()
        yield
        await parts.http.aclose()
        await parts.store.close()

    app = FastAPI(title="fujie chat", lifespan=lifespan, openapi_url=None, redirect_slashes=False)
    app.state.parts = parts
    app.state.watches, app.state.questions = Places(WATCHES), Places(QUESTIONS)
    for routes in (signing_in.routes, asking.routes, conversations.routes, granting.routes):
        app.include_router(routes)
    install_statics(app)
    install_error_answers(app)
    app.add_middleware(BodyLimit)
    app.add_middleware(SecurityHeaders, https=parts.cookies.secure)
    return app
