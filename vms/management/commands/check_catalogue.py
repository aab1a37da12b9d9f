"""manage.py check_catalogue: which images of the catalogue, and which checksums, are gone."""

from __future__ import annotations

import sys
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.utils.translation import gettext as _

from vms import messages
from vms.policy import Door, SystemActor
from vms.problems import Problem
from vms.services import catalogue_check
from vms.services.catalogue_check import Found


class Command(BaseCommand):
    """Print a line for each address; the exit status is 1 when any could not be had."""

    help = "Ask for every image and checksum of the catalogue, without fetching any."
    requires_system_checks: list[str] = []
    requires_migrations_checks = False

    def handle(self, *_args: Any, **_options: Any) -> None:  # Any: Django's own signature
        """Ask, and print what came of it."""
        try:
            found = list(map(self._print, catalogue_check.everything(actor=self._actor())))
        except Problem as problem:
            raise CommandError(messages.sentence(problem)) from None
        bad = [each for each in found if each.problem]
        gone = sum(each.is_gone for each in bad)
        values = {"all": len(found), "gone": gone, "silent": len(bad) - gone}
        text = _("%(all)s addresses: %(gone)s gone, %(silent)s not reached.")
        self.stdout.write(text % values)
        if bad:
            sys.exit(1)

    @staticmethod
    def _actor() -> SystemActor:
        return SystemActor(Door.COMMAND)

    def _print(self, found: Found) -> Found:
        """Print a line: a word, the address, and why, with the entries that need it."""
        if found.problem is None:
            size = messages.size(found.size_bytes) if found.size_bytes else _("no size given")
            self.stdout.write(f"{self.style.SUCCESS(_('ok'))}  {found.url}  {size}")
            return found
        word = self.style.ERROR(_("GONE")) if found.is_gone else self.style.WARNING(_("FAIL"))
        self.stdout.write(f"{word}  {found.url}")
        self.stdout.write(f"      {', '.join(found.names)}: {messages.sentence(found.problem)}")
        return found
