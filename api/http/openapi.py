"""The OpenAPI document: Litestar's, with the bodies as msgspec checks them and with every problem that a call may answer."""

from typing import Any, Final, TypeAlias, get_args, get_origin

import msgspec
from litestar import Litestar, Request, Response
from litestar.handlers import HTTPRouteHandler
from litestar.openapi.plugins import JsonRenderPlugin
from litestar.routes import HTTPRoute

from api.http.access import SIGNED_IN
from api.http.body_examples import EXAMPLES
from api.http.openapi_headers import headers_of, is_limited
from api.http.openapi_schemas import name_choices, plain_fields, plain_words, require_answered
from api.http.openapi_times import tell_times
from api.http.problems import Problem

Document: TypeAlias = dict[str, Any]

_REFERENCE: Final = "#/components/schemas/{name}"
_DONE: Final = {
    "200": "Done.",
    "201": "Created.",
    "202": "Taken note of.",
    "204": "Done; there is nothing to say.",
}
_PROBLEMS: Final = {
    "400": "Malformed or invalid: `errors` says where and why.",
    "401": "No access token, or not a valid one.",
    "403": "Not for this role.",
    "404": "Unknown, or another company's; it is not told which.",
    "409": "Refused by a rule, which `code` names{rules}; or the `Idempotency-Key` came with another request "
    "(`idempotency_key_reused`).",
    "412": "`If-Match` is not the current version, which `ETag` says.",
    "413": "The body is too large, also where none is read.",
    "415": "The body is of another media type. Where none is read, it may be empty or `{}`.",
    "422": "The file cannot be taken: `code` says why.",
    "429": "Too often: `Retry-After` says when to try again, in seconds.",
    "503": "The database, or the read model that was waited for, is not there in time: see `Retry-After`.",
}


class DescriptionPlugin(JsonRenderPlugin):
    """Answers the document; it is made at the first request and kept."""

    _content: bytes | None = None

    def render(self, request: Request[Any, Any, Any], openapi_schema: Document) -> bytes:  # noqa: ARG002
        if self._content is None:
            self._content = msgspec.json.encode(openapi_document(request.app))
        return self._content


def openapi_document(app: Litestar) -> Document:
    """The OpenAPI document of an application. A handler whose answers are files names their media types as `answers=...`, one
    that a rule may refuse the rules' codes as `rules=...`."""
    document = app.openapi_schema.to_schema()
    operations: list[tuple[Document, HTTPRouteHandler]] = [
        (document["paths"][route.path_format][method.lower()], handler)
        for route in app.routes
        if isinstance(route, HTTPRoute)
        for handler in route.route_handlers
        if handler.resolve_include_in_schema()
        for method in handler.http_methods
    ]
    answers = [answer for _, handler in operations if (answer := _answered(handler))]
    bodies = [*answers, *(body for _, handler in operations if (body := _sent(handler)))]
    references, schemas = msgspec.json.schema_components([Problem, *bodies], ref_template=_REFERENCE)
    tell_times(bodies, schemas)
    require_answered(answers, schemas)
    plain_words(schemas)
    named = dict(zip([Problem, *bodies], references, strict=True))
    for operation, handler in operations:
        _describe(operation, handler, named)
    document["components"]["schemas"] = schemas
    name_choices(document, _REFERENCE)
    plain_fields(document)
    plain: Document = msgspec.json.decode(_plainly(msgspec.json.encode(document), schemas))
    return plain


def _plainly(content: bytes, schemas: Document) -> bytes:
    """Generic types by plain names: `Page[Job]` is a `JobPage`."""
    for name in schemas:
        generic, _, inner = name.partition("_")
        if inner.endswith("_"):
            content = content.replace(name.encode(), f"{inner[:-1]}{generic}".encode())
            content = content.replace(f"{generic}[{inner[:-1]}]".encode(), f"{inner[:-1]}{generic}".encode())
    return content


def _sent(handler: HTTPRouteHandler) -> Any:
    return handler.parsed_data_field and handler.parsed_data_field.annotation


def _answered(handler: HTTPRouteHandler) -> Any:
    annotation = handler.parsed_return_field.annotation
    if get_origin(annotation) is Response:
        annotation = get_args(annotation)[0]
    plain = get_origin(annotation) or annotation
    return annotation if isinstance(plain, type) and issubclass(plain, msgspec.Struct) else None


def _describe(operation: Document, handler: HTTPRouteHandler, named: dict[Any, Document]) -> None:
    operation["summary"] = operation["operationId"].replace("_", " ").capitalize()
    sent, answered = _sent(handler), _answered(handler)
    if sent is not None:
        for content in operation["requestBody"]["content"].values():
            content["schema"] = named[sent]
    if field := handler.opt.get("upload"):
        operation["requestBody"] = _uploaded(field)
    for content in operation.get("requestBody", {}).get("content", {}).values():
        content["example"] = EXAMPLES[operation["operationId"]]
    for parameter in operation.get("parameters", ()):
        _describe_parameter(parameter)
    code = str(handler.status_code)
    responses: Document = operation["responses"]
    done = responses.pop(code)
    done["description"] = _DONE[code]
    if answers := handler.opt.get("answers"):
        done["content"] = {answer: {"schema": _file(answer)} for answer in answers}
    if answered is not None:
        done["content"] = {"application/json": {"schema": named[answered]}}
    responses.pop("400", None)
    problem = {"application/problem+json": {"schema": named[Problem]}}
    rules = ", ".join(f"`{code}`" for code in handler.opt.get("rules", ()))
    problems = {
        said: {
            "description": _PROBLEMS[said].replace("{rules}", f": {rules}" if rules else ""),
            "content": problem,
        }
        for said in _said(operation, handler)
    }
    operation["responses"] = {code: done} | dict(sorted((problems | responses).items()))
    for said, response in operation["responses"].items():
        response["headers"] = headers_of(said, handler, answered)


def _describe_parameter(parameter: Document) -> None:
    """What Litestar does not say, or not rightly: a lower bound of 0 where the parameter may be absent (every number here starts
    at 0 or above), whole bounds as whole numbers (a float rounds `2**62`), and that null cannot be sent in a query or header."""
    schema: Document = parameter["schema"]
    for empty in ("deprecated", "allowEmptyValue", "allowReserved"):
        parameter.pop(empty, None)
    schema.pop("description", None)
    if "maximum" in schema:
        schema.setdefault("minimum", 0)
    for bound in {"minimum", "maximum"} & set(schema):
        schema[bound] = int(schema[bound])
    choices = [choice for choice in schema.pop("oneOf", ()) if choice != {"type": "null"}]
    schema.update(choices[0] | schema if len(choices) == 1 else {"oneOf": choices} if choices else {})
    if isinstance(schema.get("type"), list):
        (schema["type"],) = (name for name in schema["type"] if name != "null")
        schema["enum"] = [value for value in schema["enum"] if value is not None]


def _uploaded(field: str) -> Document:
    """The body of a handler that says `upload=...`: one file, in this field of a form."""
    form = {
        "type": "object",
        "properties": {field: {"type": "string", "format": "binary"}},
        "required": [field],
        "additionalProperties": False,
    }
    return {"required": True, "content": {"multipart/form-data": {"schema": form}}}


def _file(media_type: str) -> Document:
    if media_type == "application/json":
        return {"type": "object"}
    return {"type": "string"} if media_type.startswith("text/") else {"type": "string", "format": "binary"}


def _said(operation: Document, handler: HTTPRouteHandler) -> list[str]:
    """The problems that this operation may answer; a handler names others as `problems=...`."""
    parameters = operation.get("parameters", ())
    allowed = handler.opt.get("allow")
    roles = isinstance(allowed, frozenset)
    found = {
        "400": True,
        "401": roles or allowed == "visitor",
        "403": roles and allowed != SIGNED_IN,
        "404": any(parameter["in"] == "path" for parameter in parameters),
        "409": roles and "GET" not in handler.http_methods,
        "412": any(parameter["name"] == "If-Match" for parameter in parameters),
        "413": True,
        "415": True,
        "429": is_limited(handler),
        "503": "request" in handler.parsed_fn_signature.parameters,
    }
    return [code for code in _PROBLEMS if found.get(code) or code in handler.opt.get("problems", ())]
