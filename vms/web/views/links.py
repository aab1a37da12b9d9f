"""Links to a guest's console: listed, made and revoked by those who may share the guest."""

from __future__ import annotations

import uuid

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_POST

from vms import selectors
from vms.models import VM
from vms.policy import Action, Person, can
from vms.problems import Forbidden
from vms.services import links
from vms.web.consolepage import link_lines, panels_of
from vms.web.door import done, door
from vms.web.forms.links import LinkForm
from vms.web.forms.problems import SHOWN, add_problems
from vms.web.guestpage import guest_context


@require_http_methods(["GET", "HEAD", "POST"])
@door
def page(request: HttpRequest, actor: Person, vm_id: uuid.UUID) -> HttpResponse:
    """List the links; make one and show it, this once."""
    guest = selectors.vm(actor, vm_id)
    if not links.can_look(actor, guest):
        raise Forbidden("forbidden", action=Action.LINK_VIEW.value)
    if request.method != "POST":
        return _show(request, actor, guest, LinkForm(panels=panels_of(guest)))
    selectors.vm(actor, vm_id, Action.VM_SHARE)
    form = LinkForm(request.POST, panels=panels_of(guest))
    if form.is_valid():
        try:
            link, secret = links.create(actor=actor, vm_id=vm_id, wish=form.wish())
        except SHOWN as problem:
            add_problems(form, problem, {"kind": "panel", "expires_at": "hours"})
        else:
            address = f"{request.build_absolute_uri(reverse('visit'))}#{secret}"
            context = guest_context(actor, guest, "console") | {"link": link, "address": address}
            response = render(request, "guests/link.html", context)
            response["Referrer-Policy"] = "no-referrer"
            return response
    return _show(request, actor, guest, form, 422)


def _show(
    request: HttpRequest, actor: Person, guest: VM, form: LinkForm, status: int = 200
) -> HttpResponse:
    context = guest_context(actor, guest, "console") | {
        "form": form,
        "can_share": can(actor, Action.VM_SHARE, guest),
        "links": link_lines(selectors.console_links(actor, guest)),
    }
    return render(request, "guests/links.html", context, status=status)


@require_POST
@door
def revoke(
    request: HttpRequest, actor: Person, vm_id: uuid.UUID, link_id: uuid.UUID
) -> HttpResponse:
    """End a link, with the consoles that are open by it."""
    link = links.revoke(actor=actor, link_id=link_id)
    text = _("The link “%(name)s” is revoked.") % {"name": link.name}
    return done(request, text, reverse("guest-links", args=[vm_id]))
