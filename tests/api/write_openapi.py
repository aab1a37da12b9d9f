"""Write the contract anew: python -m tests.api.write_openapi"""

from __future__ import annotations

import json
import os

import django

if __name__ == "__main__":
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "kvmweb.settings")
    django.setup()
    from tests.api.test_openapi import SNAPSHOT
    from vms.api import api

    document = json.loads(json.dumps(api.get_openapi_schema(), default=str))
    SNAPSHOT.write_text(json.dumps(document, indent=1) + "\n")
