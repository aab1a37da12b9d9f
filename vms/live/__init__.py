"""What is pushed: message types, publishing, the hub of a process, and the latest numbers.

Nothing here asks who may see what; the sockets do. No calls to hosts, no rows.
"""
