"""What is pushed: message types, thread-safe publishing, the per-process hub, and the latest numbers.

Nothing here asks who may see what; the sockets do. No calls to hosts, no rows.
"""
