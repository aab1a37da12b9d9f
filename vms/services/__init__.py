"""One public function per thing a person can do.

Each asks for the right first, validates, reserves and audits in one transaction, acts on the host
outside
of any, and records the outcome in a second. Services know nothing of HTTP.
"""
