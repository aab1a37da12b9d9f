"""Storage pools: the list, the page of one, making, starting, stopping and deleting them."""

from __future__ import annotations

import uuid

from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from vms import selectors
from vms.models import Pool
from vms.policy import Action, Person, can
from vms.problems import Forbidden, NotFound
from vms.services import pools
from vms.web import storage
from vms.web.door import done, door
from vms.web.forms.problems import SHOWN, add_problems
from vms.web.forms.storage import POOL_FORMS, PoolForm, PoolXmlForm


def _require_manager(actor: Person) -> None:
    if not can(actor, Action.POOL_MANAGE):
        raise Forbidden("forbidden", action=Action.POOL_MANAGE.value)


@require_safe
@door
def page(request: HttpRequest, actor: Person) -> HttpResponse:
    """Show the pools of all hosts."""
    if not can(actor, Action.POOL_VIEW):
        raise Forbidden("forbidden", action=Action.POOL_VIEW.value)
    views = [storage.pool_view(pool) for pool in selectors.measured_pools(actor)]
    several = len({view.pool.host_id for view in views}) > 1
    context = {
        "pools": views,
        "has_several_hosts": several,
        "can_manage": can(actor, Action.POOL_MANAGE),
    }
    return render(request, "storage/list.html", context)


@require_http_methods(["GET", "HEAD", "POST"])
@door
def new(request: HttpRequest, actor: Person, kind: str) -> HttpResponse:
    """Make a pool of one kind, or of any from its XML."""
    _require_manager(actor)
    if kind not in POOL_FORMS:
        raise NotFound("pool")
    data = request.POST if request.method == "POST" else None
    hosts = selectors.hosts(actor)
    form = POOL_FORMS[kind](data, hosts=hosts)
    if form.is_valid():
        try:
            made = _make(actor, form)
        except SHOWN as problem:
            add_problems(form, problem)
        else:
            done(request, _("The pool “%(name)s” is there.") % {"name": made.name}, "storage")
            return redirect("pool", made.pk)
    context = {"form": form, "kind": kind}
    return render(request, "storage/new.html", context, status=422 if form.is_bound else 200)


def _make(actor: Person, form: PoolForm | PoolXmlForm) -> Pool:
    if isinstance(form, PoolXmlForm):
        data = form.cleaned_data
        return pools.create_from_xml(actor=actor, host_id=data["host"], xml=data["xml"])
    return pools.create(actor=actor, host_id=form.cleaned_data["host"], spec=form.spec())


@require_safe
@door
def pool(request: HttpRequest, actor: Person, pool_id: uuid.UUID) -> HttpResponse:
    """Show one pool with its volumes."""
    found = selectors.pool(actor, pool_id)
    view = storage.pool_view(selectors.measured_pools(actor).get(pk=found.pk))
    query, sort = request.GET.get("q", "")[:200], request.GET.get("sort", "name")
    rows = storage.sorted_volumes(selectors.volumes(actor).filter(pool=found), query, sort)
    matching = rows.count()
    context = {
        "view": view,
        "query": query,
        "sort": sort,
        "heads": storage.heads(sort),
        "volumes": storage.volume_views(found, rows[: storage.PAGE]),
        "matching": matching,
        "left_out": max(0, matching - storage.PAGE),
        "jobs": storage.jobs_of(actor, found),
        "can_manage": can(actor, Action.POOL_MANAGE, found),
    }
    return render(request, "storage/pool.html", context)


_VERBS = {"start": pools.start, "stop": pools.stop, "refresh": pools.refresh}


@require_POST
@door
def verb(request: HttpRequest, actor: Person, pool_id: uuid.UUID, verb: str) -> HttpResponse:
    """Start, stop or refresh a pool."""
    if verb not in _VERBS:
        raise NotFound("verb")
    changed = _VERBS[verb](actor=actor, pool_id=pool_id)
    texts = {
        "start": _("The pool “%(name)s” runs."),
        "stop": _("The pool “%(name)s” is stopped."),
        "refresh": _("The host has looked into the pool “%(name)s” anew."),
    }
    return done(request, texts[verb] % {"name": changed.name}, _page_of(changed))


@require_POST
@door
def autostart(request: HttpRequest, actor: Person, pool_id: uuid.UUID) -> HttpResponse:
    """Say whether a pool starts with its host."""
    is_on = request.POST.get("on") == "1"
    changed = pools.set_autostart(actor=actor, pool_id=pool_id, is_on=is_on)
    text = _("The pool “%(name)s” starts with its host.")
    if not is_on:
        text = _("The pool “%(name)s” no longer starts with its host.")
    return done(request, text % {"name": changed.name}, _page_of(changed))


@require_http_methods(["GET", "HEAD", "POST"])
@door
def delete(request: HttpRequest, actor: Person, pool_id: uuid.UUID) -> HttpResponse:
    """Ask, then let the host forget a pool, with or without what is in it."""
    found = selectors.pool(actor, pool_id, Action.POOL_MANAGE)
    if request.method != "POST":
        return _ask(request, actor, found)
    if request.POST.get("data") == "delete":
        pools.delete_with_data(actor=actor, pool_id=pool_id)
        text = _("The pool “%(name)s” is being deleted with all that is in it.")
    else:
        pools.forget(actor=actor, pool_id=pool_id)
        text = _("The pool “%(name)s” is gone from the host; its files stay where they are.")
    done(request, text % {"name": found.name}, "storage")
    return redirect("storage")


def _ask(request: HttpRequest, actor: Person, found: Pool) -> HttpResponse:
    rows = selectors.volumes(actor).filter(pool=found)
    context = {
        "view": storage.pool_view(selectors.measured_pools(actor).get(pk=found.pk)),
        "volumes": storage.volume_views(found, rows),
    }
    return render(request, "storage/pool_delete.html", context)


def _page_of(found: Pool) -> str:
    return reverse("pool", args=[found.pk])
