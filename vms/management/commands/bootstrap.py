"""`manage.py bootstrap`: make a fresh installation usable; can be repeated."""

from __future__ import annotations

from pathlib import Path

from django.core.management.base import BaseCommand, CommandParser

from vms import messages
from vms.hypervisor.errors import HypervisorError
from vms.problems import Problem
from vms.services import bootstrap


class Command(BaseCommand):
    """Register the host, its pool and network, the first administrator and the first template."""

    help = "Make a fresh installation usable; what is there already stays as it is."

    def add_arguments(self, parser: CommandParser) -> None:
        """Take the image of Tiny Linux, where one was built."""
        parser.add_argument("--tiny-image", type=Path, default=None)

    def handle(self, *args: object, **options: object) -> None:
        """Do each part; a part that fails is told and does not stop the others."""
        report = bootstrap.Report()
        host = bootstrap.prepare_host(report)
        image = options["tiny_image"]
        if isinstance(image, Path) and image.exists() and not report.problems:
            try:
                if bootstrap.offer_tiny_linux(host, image):
                    self.stdout.write(f"Template “{bootstrap.TINY_NAME}” is ready.")
            except (HypervisorError, Problem) as error:
                self.stderr.write(f"Tiny Linux is not offered: {messages.sentence(error)}")
        for problem in report.problems:
            self.stderr.write(f"{host.uri}: {messages.sentence(problem)}")
        self._administrator()

    def _administrator(self) -> None:
        made = bootstrap.first_administrator()
        if made is not None:
            user, password = made
            self.stdout.write("")
            self.stdout.write(f"  User name:          {user.username}")
            self.stdout.write(f"  One-time password:  {password}")
            self.stdout.write("  It is shown only now; the first login asks for a new one.")
            self.stdout.write("")
