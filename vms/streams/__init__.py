"""Everything that flows over a websocket: the only asynchronous code of the doors.

Nothing here calls the database or a host on the server's loop: that is done in `threads`.
"""
