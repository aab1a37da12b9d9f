"""manage.py create_gateway HOST: the credential of a console gateway, printed once."""

from __future__ import annotations

from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.utils.translation import gettext as _

from vms import messages
from vms.policy import Door, SystemActor
from vms.problems import Invalid, Problem
from vms.services import gateways


class Command(BaseCommand):
    """Print a new credential alone on standard output, so that a file can catch it."""

    help = "Make the credential of a console gateway on HOST; it is shown once."

    def add_arguments(self, parser: CommandParser) -> None:
        """Take the host's name, and the gateway's."""
        parser.add_argument("host", metavar="HOST", help="Name of the host as on the Host page.")
        parser.add_argument("--name", default="", help="Name of the gateway; the host's if empty.")

    def handle(self, *_args: Any, **options: Any) -> None:  # Any: Django's own signature
        """Make it. Raises CommandError for an unknown host or a name that is taken."""
        name = options["name"] or options["host"]
        try:
            _gateway, secret = gateways.create(
                actor=SystemActor(Door.COMMAND), host_name=options["host"], name=name
            )
        except Invalid as problem:
            raise CommandError(messages.sentence(problem.fields["name"])) from None
        except Problem as problem:
            raise CommandError(messages.sentence(problem)) from None
        self.stderr.write(
            _("The credential of the gateway “%(name)s”; it is not shown again:") % {"name": name}
        )
        self.stdout.write(secret)
