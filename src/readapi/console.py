"""A page for people: the campaigns, a dashboard and its heatmap, asked from this API by the browser."""

from pathlib import Path

from starlette.responses import Response

from drumbeat.readapi import routing

router = routing.plain_router("console")
_PAGE = Path(__file__).with_name("console.html").read_bytes()
_HEADERS = {
    "Cache-Control": "no-cache",
    "Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'; "
    "connect-src 'self'; img-src data:; base-uri 'none'; form-action 'none'",
}


@router.get("/", include_in_schema=False)
async def console() -> Response:
    """Self-contained: it loads nothing but the API's answers."""
    return Response(_PAGE, headers=_HEADERS, media_type="text/html; charset=utf-8")
