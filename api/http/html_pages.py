"""The few HTML pages for people: one sober frame, nothing from another host, nothing that runs."""

from html import escape
from typing import Final

from litestar import Response

_HEADERS: Final = {
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
    "Cache-Control": "no-store",
    "X-Robots-Tag": "noindex",
}
_POLICY: Final = "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; frame-ancestors 'none'; "

_FRAME: Final = """<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{title}</title>
<style>
:root {{ color-scheme: light dark; --page: #f2f4f7; --card: #fff; --ink: #17202a; --soft: #56636f; --line: #dde2e8; --link: #1a4fba; }}
@media (prefers-color-scheme: dark) {{
  :root {{ --page: #10151c; --card: #1b232d; --ink: #eef2f6; --soft: #a9b6c3; --line: #34404d; --link: #9cc2ff; }}
}}
* {{ box-sizing: border-box; }}
body {{ margin: 0; background: var(--page); color: var(--ink); font: 16px/1.55 system-ui, sans-serif; overflow-wrap: anywhere; }}
main {{ max-width: {width}; margin: 0 auto; padding: 32px 20px; }}
h1 {{ font-size: 24px; line-height: 1.3; margin: 0 0 16px; }}
a {{ color: var(--link); }}
.soft {{ color: var(--soft); }}
.card {{ background: var(--card); border: 1px solid var(--line); border-radius: 8px; padding: 24px; }}
button {{ font: 600 16px/1.4 system-ui, sans-serif; padding: 10px 20px; border: 0; border-radius: 6px; background: #1a4fba; color: #fff; cursor: pointer; }}
:focus-visible {{ outline: 3px solid var(--link); outline-offset: 2px; }}
{style}
</style>
</head>
<body><main>
<h1>{title}</h1>
{content}
</main></body>
</html>
"""


def html_page(
    title: str,
    content: str,
    *,
    style: str = "",
    width: str = "640px",
    policy: str = "form-action 'self'",
) -> Response[str]:
    """A page. `content` is HTML, made by whoever calls; `policy` is what it may do besides being styled."""
    headers = {**_HEADERS, "Content-Security-Policy": _POLICY + policy}
    made = _FRAME.format(title=escape(title), content=content, style=style, width=width)
    return Response(made, media_type="text/html", headers=headers)
