"""manage.py create_token USER: a bearer token for scripts, printed once."""

from __future__ import annotations

from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.utils.translation import gettext as _

from vms import messages, selectors
from vms.models import TokenScope
from vms.policy import Door, SystemActor
from vms.problems import Problem
from vms.services import tokens


class Command(BaseCommand):
    """Print a new token alone on standard output, so that a script can catch it."""

    help = "Make a bearer token that acts as USER; it is shown once."

    def add_arguments(self, parser: CommandParser) -> None:
        """Take the user name, and what the token is for."""
        parser.add_argument("user", metavar="USER", help="User name of the account.")
        parser.add_argument("--name", default="manage.py", help="What the token is for.")
        parser.add_argument(
            "--scope",
            default=TokenScope.ALL.value,
            choices=TokenScope.values,
            help="What the token may do: read, power (read, start and stop guests) or all.",
        )

    def handle(self, *_args: Any, **options: Any) -> None:  # Any: Django's own signature
        """Make the token. Raises CommandError for an unknown or inactive user, or a bad name."""
        actor = SystemActor(Door.COMMAND)
        user = selectors.people(actor).filter(username=options["user"], is_active=True).first()
        if user is None:
            raise CommandError(_("There is no active user “%(name)s”.") % {"name": options["user"]})
        try:
            _token, secret = tokens.create(
                actor=actor, user=user, name=options["name"], scope=options["scope"]
            )
        except Problem as problem:
            raise CommandError(messages.sentence(problem)) from None
        self.stderr.write(
            _("A token of %(user)s; keep it safe, it is not shown again:") % {"user": user.username}
        )
        self.stdout.write(secret)
