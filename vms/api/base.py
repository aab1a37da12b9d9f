"""The NinjaAPI of this site: errors of the router itself, and the problem type in OpenAPI."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

from django.http import HttpRequest, HttpResponse, HttpResponseNotAllowed
from django.http.response import HttpResponseBase
from django.urls import URLPattern, URLResolver, re_path
from ninja.main import NinjaAPI
from ninja.openapi.schema import OpenAPISchema
from ninja.schema import NinjaGenerateJsonSchema

from vms.api import errors, strict
from vms.api.schemas.common import Problem

View = Callable[..., HttpResponseBase]
Urls = tuple[list[URLResolver | URLPattern], str, str]


class Api(NinjaAPI):
    """NinjaAPI whose 404, 405 and documented errors are problem+json as well."""

    extra_urls: list[URLPattern]
    """Routes that are no operations, e.g. the docs page."""

    def __init__(self, **options: Any) -> None:  # Any: NinjaAPI's own options
        super().__init__(**options)
        self.extra_urls = []
        errors.register(self)

    @property
    def urls(self) -> Urls:
        """Routes with the extra ones, and one that answers whatever is no route."""
        patterns, app_name, namespace = super().urls
        for pattern in patterns:
            if isinstance(pattern, URLPattern):
                pattern.callback = _with_problem_405(pattern.callback)
        root = patterns.pop()
        no_route = re_path(r"^.*$", _csrf_exempt(errors.no_route), name="no-route")
        return [*patterns, *self.extra_urls, root, no_route], app_name, namespace

    @functools.cached_property
    def _bodiless(self) -> frozenset[tuple[str, str]]:
        """Operations that take no body; a route of Django's knows no prefix of a proxy."""
        return strict.bodiless(self.get_openapi_schema(path_prefix="/api/v1/"))

    def create_temporal_response(self, request: HttpRequest) -> HttpResponse:
        """Begin an answer, after authentication and before anything else is read: be strict."""
        strict.require_text(request)
        match = request.resolver_match
        if match and (request.method, strict.template_of(match.route)) in self._bodiless:
            strict.require_no_body(request)
        return super().create_temporal_response(request)

    def get_openapi_schema(
        self,
        *,
        path_prefix: str | None = None,
        path_params: dict[str, Any] | None = None,  # Any: NinjaAPI's own signature
    ) -> OpenAPISchema:
        """Make the document; every operation may answer with a problem."""
        schema = super().get_openapi_schema(path_prefix=path_prefix, path_params=path_params)
        schema["components"]["schemas"]["Problem"] = Problem.model_json_schema(
            schema_generator=NinjaGenerateJsonSchema
        )
        for methods in schema["paths"].values():
            for operation in methods.values():
                operation["responses"]["default"] = {
                    "description": "Why it was not done",
                    "content": {
                        errors.CONTENT_TYPE: {"schema": {"$ref": "#/components/schemas/Problem"}}
                    },
                }
        return schema


def _csrf_exempt(view: View) -> View:
    """Leave CSRF to authentication: an address that does not exist is a 404 for any method."""
    view.csrf_exempt = True  # type: ignore[attr-defined]  # Django's own mark
    return view


def _with_problem_405(view: View) -> View:
    """Turn the plain 405 of ninja's router into problem+json."""

    @functools.wraps(view)
    def wrapped(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        # Any: whatever the route captured
        response = view(request, *args, **kwargs)
        if isinstance(response, HttpResponseNotAllowed):
            return _not_allowed(response)
        return response

    return wrapped


def _not_allowed(response: HttpResponse) -> HttpResponse:
    methods = sorted(method.strip() for method in response["Allow"].split(","))
    return errors.not_allowed(", ".join(methods))
