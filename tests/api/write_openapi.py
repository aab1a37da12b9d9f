"""Write the contract anew: python -m tests.api.write_openapi"""

from __future__ import annotations

import os

import django

if __name__ == "__main__":
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "kvmweb.settings")
    django.setup()
    from tests.api.test_openapi import SNAPSHOT, contract

    SNAPSHOT.write_text(contract() + "\n")
