"""manage.py revoke_gateway NAME: end a gateway's credential, and the consoles it let in."""

from __future__ import annotations

from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.utils.translation import gettext as _

from vms import messages
from vms.policy import Door, SystemActor
from vms.problems import Problem
from vms.services import gateways


class Command(BaseCommand):
    """Revoke by name."""

    help = "End the credential of a console gateway at once."

    def add_arguments(self, parser: CommandParser) -> None:
        """Take the gateway's name."""
        parser.add_argument("name", metavar="NAME")

    def handle(self, *_args: Any, **options: Any) -> None:  # Any: Django's own signature
        """Revoke it. Raises CommandError when there is none of that name."""
        try:
            gateways.revoke(actor=SystemActor(Door.COMMAND), name=options["name"])
        except Problem as problem:
            raise CommandError(messages.sentence(problem)) from None
        self.stdout.write(_("Revoked."))
