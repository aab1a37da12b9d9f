"""manage.py doctor: what is wrong with this installation, and what to do about each."""

from __future__ import annotations

import sys
from typing import Any

from django.core.management.base import BaseCommand
from django.utils.translation import gettext as _

from vms.hypervisor import registry
from vms.policy import Door, SystemActor
from vms.services import health
from vms.services.health import Check


class Command(BaseCommand):
    """Print every check; the exit status is 1 when something essential is wrong."""

    help = "Say what is wrong with this installation and how to mend it."
    requires_system_checks: list[str] = []
    requires_migrations_checks = False

    def handle(self, *_args: Any, **_options: Any) -> None:  # Any: Django's own signature
        """Run the checks and print them, worst to the eye first by its word."""
        try:
            checks = health.everything(actor=SystemActor(Door.COMMAND))
        finally:
            registry.close_all()
        for check in checks:
            self._print(check)
        if any(not check.is_ok and check.is_essential for check in checks):
            sys.exit(1)

    def _print(self, check: Check) -> None:
        word = self._word(check)
        self.stdout.write(f"{word}  {check.title}: {check.detail}")
        if check.advice:
            self.stdout.write(f"      {check.advice}")

    def _word(self, check: Check) -> str:
        if check.is_ok:
            return self.style.SUCCESS(f"{_('ok'):<4}")
        if check.is_essential:
            return self.style.ERROR(f"{_('FAIL'):<4}")
        return self.style.WARNING(f"{_('note'):<4}")
