"""`manage.py reset_password USER`: a new one-time password, for whoever lost his."""

from __future__ import annotations

import contextlib

from django.core.management.base import BaseCommand, CommandError, CommandParser

from vms.models import User
from vms.policy import Door, SystemActor
from vms.problems import Refused
from vms.services import factors, people


class Command(BaseCommand):
    """Print a new one-time password of an account; its sessions end."""

    help = "Give an account a new one-time password and print it."

    def add_arguments(self, parser: CommandParser) -> None:
        """Take the user name, and whether second factors go too."""
        parser.add_argument("username")
        parser.add_argument(
            "--second-factors",
            action="store_true",
            help="take its second factors away too, for whoever lost phone and codes",
        )

    def handle(self, *args: object, **options: object) -> None:
        """Reset and print."""
        user = User.objects.filter(username=options["username"]).first()
        if user is None:
            msg = f"There is no account “{options['username']}”."
            raise CommandError(msg)
        actor = SystemActor(door=Door.COMMAND)
        if options["second_factors"]:
            with contextlib.suppress(Refused):  # he has none
                factors.take_away(actor=actor, user_id=user.pk)
        self.stdout.write(people.reset_password(actor=actor, user_id=user.pk))
