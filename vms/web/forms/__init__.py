"""Forms: they read what was typed into typed values; what is allowed is decided by the services."""
