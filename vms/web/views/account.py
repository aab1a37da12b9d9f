"""My account: name, SSH keys, API tokens and sessions of whoever is logged in, of nobody else."""

from __future__ import annotations

import uuid
from typing import Any

from django import forms
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils import timezone, translation
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.http import require_POST, require_safe

from vms import languages, selectors
from vms.models import TokenScope
from vms.policy import Person
from vms.services import account, factors, mail, notices, preferences, quota_rules, tokens
from vms.web.door import done, door
from vms.web.forms.account import KeysForm, MailForm, ProfileForm, TokenForm
from vms.web.forms.problems import SHOWN, add_problems
from vms.web.quotabars import panels


@require_safe
@door
def page(request: HttpRequest, actor: Person) -> HttpResponse:
    """Show the own account."""
    return _show(request, actor)


def _show(request: HttpRequest, actor: Person, **bound: forms.Form) -> HttpResponse:
    """Show the page; a form that was sent and is wrong stands in place of its empty one."""
    now = timezone.now()
    context: dict[str, Any] = {  # Any: a context
        "profile_form": ProfileForm(initial=_profile(actor)),
        "mail_form": MailForm(initial=_mail_choice(actor)),
        "can_mail": mail.is_configured(),
        "keys_form": KeysForm(),
        "token_form": TokenForm(),
        "keys": selectors.ssh_keys(actor),
        "tokens": [
            (token, token.expires_at is not None and token.expires_at <= now)
            for token in selectors.tokens(actor)
        ],
        "sessions": account.sessions(actor=actor),
        "factors": factors.of(actor=actor),
        "quota_panels": panels(quota_rules.mine(actor=actor)),
        **bound,
    }
    return render(request, "account/account.html", context, status=422 if bound else 200)


@require_POST
@door
def profile(request: HttpRequest, actor: Person) -> HttpResponse:
    """Change the full name and the language; the answer is in the new one."""
    form = ProfileForm(request.POST)
    if form.is_valid():
        try:
            account.rename(actor=actor, full_name=form.cleaned_data["full_name"])
            account.choose_language(actor=actor, language=form.cleaned_data["language"])
        except SHOWN as problem:
            add_problems(form, problem)
        else:
            translation.activate(languages.of_request(request, actor.user.language))
            return _done(request, _("Your profile is saved."))
    return _show(request, actor, profile_form=form)


def _profile(actor: Person) -> dict[str, str]:
    return {"full_name": actor.user.get_full_name(), "language": actor.user.language}


def _mail_choice(actor: Person) -> dict[str, object]:
    kinds = preferences.of(actor.user).mail_kinds
    return {"email": actor.user.email, "kinds": notices.KINDS if kinds is None else sorted(kinds)}


@require_POST
@door
def mails(request: HttpRequest, actor: Person) -> HttpResponse:
    """Change the own e-mail address, and which notices go there."""
    form = MailForm(request.POST)
    if form.is_valid():
        try:
            account.choose_mails(actor=actor, **form.cleaned_data)
        except SHOWN as problem:
            add_problems(form, problem)
        else:
            return _done(request, _("Your choice of mails is saved."))
    return _show(request, actor, mail_form=form)


@require_POST
@door
def add_keys(request: HttpRequest, actor: Person) -> HttpResponse:
    """Keep the keys that were pasted."""
    form = KeysForm(request.POST)
    if form.is_valid():
        try:
            new = account.add_ssh_keys(actor=actor, text=form.cleaned_data["ssh_keys"])
        except SHOWN as problem:
            add_problems(form, problem, {"keys": "ssh_keys"})
        else:
            return _done(request, _keys_added(len(new)))
    return _show(request, actor, keys_form=form)


def _keys_added(count: int) -> str:
    if not count:
        return _("These keys were here already.")
    text = ngettext("%(count)s SSH key is added.", "%(count)s SSH keys are added.", count)
    return text % {"count": count}


@require_POST
@door
def remove_key(request: HttpRequest, actor: Person, key_id: uuid.UUID) -> HttpResponse:
    """Forget a key."""
    key = account.remove_ssh_key(actor=actor, key_id=key_id)
    return _done(request, _("The key %(name)s is removed.") % {"name": key.fingerprint})


@require_POST
@door
def add_token(request: HttpRequest, actor: Person) -> HttpResponse:
    """Make a token and show it, this once."""
    form = TokenForm(request.POST)
    if form.is_valid():
        try:
            token, secret = tokens.create(
                actor=actor,
                user=actor.user,
                name=form.cleaned_data["name"],
                expires_at=form.expires_at(),
                scope=form.cleaned_data["scope"] or TokenScope.ALL,
            )
        except SHOWN as problem:
            add_problems(form, problem, {"expires_at": "expires_on"})
        else:
            return render(request, "account/token.html", {"token": token, "secret": secret})
    return _show(request, actor, token_form=form)


@require_POST
@door
def revoke_token(request: HttpRequest, actor: Person, token_id: uuid.UUID) -> HttpResponse:
    """End a token."""
    token = tokens.revoke(actor=actor, token_id=token_id)
    return _done(request, _("The token “%(name)s” is revoked.") % {"name": token.name})


@require_POST
@door
def end_session(request: HttpRequest, actor: Person, mark: str) -> HttpResponse:
    """Log one browser out."""
    account.end_session(actor=actor, mark=mark)
    return _done(request, _("That browser is logged out."))


@require_POST
@door
def end_others(request: HttpRequest, actor: Person) -> HttpResponse:
    """Log out everywhere but here."""
    count = account.end_other_sessions(actor=actor)
    text = ngettext("%(count)s browser is logged out.", "%(count)s browsers are logged out.", count)
    return _done(request, text % {"count": count})


def _done(request: HttpRequest, text: str) -> HttpResponse:
    return done(request, text, reverse("account"))
