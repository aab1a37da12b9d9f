"""One module per management command; each parses, calls a service, prints."""
