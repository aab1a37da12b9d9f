"""`manage.py reset_password USER`: a new one-time password, for whoever lost his."""

from __future__ import annotations

from django.core.management.base import BaseCommand, CommandError, CommandParser

from vms.models import User
from vms.policy import Door, SystemActor
from vms.services import people


class Command(BaseCommand):
    """Print a new one-time password of an account; its sessions end."""

    help = "Give an account a new one-time password and print it."

    def add_arguments(self, parser: CommandParser) -> None:
        """Take the user name."""
        parser.add_argument("username")

    def handle(self, *args: object, **options: object) -> None:
        """Reset and print."""
        user = User.objects.filter(username=options["username"]).first()
        if user is None:
            msg = f"There is no account “{options['username']}”."
            raise CommandError(msg)
        self.stdout.write(
            people.reset_password(actor=SystemActor(door=Door.COMMAND), user_id=user.pk)
        )
